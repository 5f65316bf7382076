/** What the normalisations share: two passes over each run of numbers, in float64. */

/**
 * Writes (x - mean) / sqrt(variance + epsilon) for the `length` numbers from `start`. The mean is taken off
 * before squaring: E[x^2] - E[x]^2 loses all digits where the mean is far from 0.
 */
export function normaliseRun(
  from: ArrayLike<number>,
  to: Float64Array,
  start: number,
  length: number,
  epsilon: number,
): void {
  let mean = 0
  for (let i = 0; i < length; i++) mean += from[start + i] ?? 0
  mean /= length
  let variance = 0
  for (let i = 0; i < length; i++) variance += ((from[start + i] ?? 0) - mean) ** 2
  const scale = 1 / Math.sqrt(variance / length + epsilon)
  for (let i = 0; i < length; i++) to[start + i] = ((from[start + i] ?? 0) - mean) * scale
}
