/**
 * The optimiser's arithmetic, in AssemblyScript: `npm run kernel` makes kernel-wasm.ts of it. An array is float32 at a
 * byte offset, of `bytes` bytes, a multiple of 64; what pads it takes part and nobody reads it. No relaxed SIMD: the
 * results are the same bits on every machine.
 */

/** The sum of squares, in float64. It is finite exactly if all elements are. */
export function squares(array: usize, bytes: usize): f64 {
  let sum0 = f64x2.splat(0)
  let sum1 = f64x2.splat(0)
  let sum2 = f64x2.splat(0)
  let sum3 = f64x2.splat(0)
  for (const end = array + bytes; array < end; array += 32) {
    const x = v128.load(array)
    const y = v128.load(array, 16)
    const x0 = f64x2.promote_low_f32x4(x)
    const x1 = f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0))
    const y0 = f64x2.promote_low_f32x4(y)
    const y1 = f64x2.promote_low_f32x4(v128.shuffle<i64>(y, y, 1, 0))
    sum0 = f64x2.add(sum0, f64x2.mul(x0, x0))
    sum1 = f64x2.add(sum1, f64x2.mul(x1, x1))
    sum2 = f64x2.add(sum2, f64x2.mul(y0, y0))
    sum3 = f64x2.add(sum3, f64x2.mul(y1, y1))
  }
  const sum = f64x2.add(f64x2.add(sum0, sum1), f64x2.add(sum2, sum3))
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1)
}

/** y = scale y + factor x. */
export function combine(y: usize, x: usize, bytes: usize, scale: f32, factor: f32): void {
  const scales = f32x4.splat(scale)
  const factors = f32x4.splat(factor)
  for (const end = y + bytes; y < end; y += 16, x += 16) {
    v128.store(y, f32x4.add(f32x4.mul(scales, v128.load(y)), f32x4.mul(factors, v128.load(x))))
  }
}

/**
 * One step of Adam in place (Kingma & Ba 2015, algorithm 1 in the order of the end of section 2, so that one division
 * and no correction is left for the elements), and of the moving average with it unless `average` is 0:
 *
 *     g = scale * gradient
 *     m = m + gain1 (g - m)
 *     v = beta2 v + gain2 g^2
 *     p = kept p - rate m / (sqrt(v) + epsilon)
 *     a = a + averageGain (p - a)
 */
export function adam(
  values: usize,
  first: usize,
  second: usize,
  average: usize,
  gradient: usize,
  bytes: usize,
  scale: f32,
  kept: f32,
  gain1: f32,
  beta2: f32,
  gain2: f32,
  rate: f32,
  epsilon: f32,
  averageGain: f32,
): void {
  const s = f32x4.splat(scale)
  const k = f32x4.splat(kept)
  const g1 = f32x4.splat(gain1)
  const b2 = f32x4.splat(beta2)
  const g2 = f32x4.splat(gain2)
  const r = f32x4.splat(rate)
  const e = f32x4.splat(epsilon)
  const ga = f32x4.splat(averageGain)
  const end = values + bytes
  // Four vectors at a time: with fewer, the counters cost a fifth of the whole.
  if (average) {
    for (; values < end; values += 64, first += 64, second += 64, average += 64, gradient += 64) {
      follow(average, step(values, first, second, gradient, s, k, g1, b2, g2, r, e, 0), ga, 0)
      follow(average, step(values, first, second, gradient, s, k, g1, b2, g2, r, e, 16), ga, 16)
      follow(average, step(values, first, second, gradient, s, k, g1, b2, g2, r, e, 32), ga, 32)
      follow(average, step(values, first, second, gradient, s, k, g1, b2, g2, r, e, 48), ga, 48)
    }
  } else {
    for (; values < end; values += 64, first += 64, second += 64, gradient += 64) {
      step(values, first, second, gradient, s, k, g1, b2, g2, r, e, 0)
      step(values, first, second, gradient, s, k, g1, b2, g2, r, e, 16)
      step(values, first, second, gradient, s, k, g1, b2, g2, r, e, 32)
      step(values, first, second, gradient, s, k, g1, b2, g2, r, e, 48)
    }
  }
}

/** `adam` for the four elements at the constant `offset`: the new p. */
@inline
function step(
  values: usize,
  first: usize,
  second: usize,
  gradient: usize,
  scale: v128,
  kept: v128,
  gain1: v128,
  beta2: v128,
  gain2: v128,
  rate: v128,
  epsilon: v128,
  offset: usize,
): v128 {
  const g = f32x4.mul(scale, v128.load(gradient + offset))
  let m = v128.load(first + offset)
  let v = v128.load(second + offset)
  m = f32x4.add(m, f32x4.mul(gain1, f32x4.sub(g, m)))
  v = f32x4.add(f32x4.mul(beta2, v), f32x4.mul(gain2, f32x4.mul(g, g)))
  v128.store(first + offset, m)
  v128.store(second + offset, v)
  const change = f32x4.mul(rate, f32x4.div(m, f32x4.add(f32x4.sqrt(v), epsilon)))
  const p = f32x4.sub(f32x4.mul(kept, v128.load(values + offset)), change)
  v128.store(values + offset, p)
  return p
}

/**
 * The moving average follows p. As a difference, since decay and 1 - decay rounded to float32 do not add up to 1:
 * 0.9999 a + 0.0001 p would settle 1.7e-4 below p.
 */
@inline
function follow(average: usize, p: v128, gain: v128, offset: usize): void {
  const a = v128.load(average + offset)
  v128.store(average + offset, f32x4.add(a, f32x4.mul(gain, f32x4.sub(p, a))))
}
