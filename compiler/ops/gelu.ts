/** GELU, the exact one: x (1 + erf(x / sqrt 2)) / 2, elementwise (Hendrycks & Gimpel 2016, section 2). */
import { unary } from './elementwise.js'
import { errorFunction } from './erf.js'
import type { Op } from './op.js'

export const gelu: Op<['x']> = {
  ...unary(
    12,
    (x) => (x * (1 + errorFunction(x * Math.SQRT1_2))) / 2,
    // Phi(x) + x phi(x), with the standard normal distribution's Phi and phi
    (dy, x, _, b) => {
      const share = b.mul(b.add(b.erf(b.div(x, Math.SQRT2)), 1), 0.5)
      const density = b.mul(b.exp(b.mul(b.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
      return b.mul(dy, b.add(share, b.mul(x, density)))
    },
  ),
  decompose: ({ x }, _, b) => b.mul(b.mul(x, b.add(b.erf(b.div(x, Math.SQRT2)), 1)), 0.5),
}
