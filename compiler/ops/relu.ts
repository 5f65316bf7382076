/** Rectified linear unit: max(x, 0), elementwise. */
import { unary } from './elementwise.js'

export const relu = unary(
  1,
  (x) => Math.max(x, 0),
  (dy, _, y, b) => b.where(b.equal(y, 0), 0, dy),
)
