/** |x|, elementwise. */
import { unary } from './elementwise.js'

export const abs = unary(1, Math.abs, (dy, x, y, b) =>
  b.where(b.equal(x, 0), 0, b.where(b.equal(x, y), dy, b.negate(dy))),
)
