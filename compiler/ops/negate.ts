/** -x, elementwise. */
import { unary } from './elementwise.js'

export const negate = unary(
  1,
  (x) => -x,
  (dy, _x, _y, b) => b.negate(dy),
)
