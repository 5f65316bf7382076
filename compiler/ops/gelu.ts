/** GELU, the exact one: x (1 + erf(x / sqrt 2)) / 2, elementwise (Hendrycks & Gimpel 2016, section 2). */
import { unary } from './elementwise.js'
import { errorFunction } from './erf.js'
import type { Op } from './op.js'

export const gelu: Op<['x']> = {
  ...unary(12, (x) => (x * (1 + errorFunction(x * Math.SQRT1_2))) / 2),
  decompose: ({ x }, _, b) => b.mul(b.mul(x, b.add(b.erf(b.div(x, Math.SQRT2)), 1)), 0.5),
}
