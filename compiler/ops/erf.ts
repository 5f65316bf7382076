/** The error function, elementwise: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
import { unary } from './elementwise.js'

/**
 * erf in float64: its Maclaurin series for |x| < 3, else the continued fraction of erfc
 * (Abramowitz & Stegun 1964, 7.1.5 and 7.1.14). Absolute error below 1e-13.
 */
export function errorFunction(x: number): number {
  const z = Math.abs(x)
  if (Number.isNaN(z)) return NaN
  if (z > 6) return Math.sign(x)
  if (z < 3) {
    let term = x
    let sum = x
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= -(x * x) / n
      sum += term / (2 * n + 1)
    }
    return (2 / Math.sqrt(Math.PI)) * sum
  }
  let fraction = z
  for (let n = 60; n > 0; n--) fraction = z + n / 2 / fraction
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * fraction))
}

export const erf = unary(8, errorFunction, (dy, x, _, b) =>
  b.mul(dy, b.mul(b.exp(b.negate(b.mul(x, x))), 2 / Math.sqrt(Math.PI))),
)
