/** Logistic function: 1 / (1 + e^-x), elementwise. */
import { unary } from './elementwise.js'

export const sigmoid = unary(
  1,
  (x) => 1 / (1 + Math.exp(-x)),
  (dy, _, y, b) => b.mul(dy, b.mul(y, b.sub(1, y))),
)
