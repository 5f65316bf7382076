/** SiLU: x * sigmoid(x), elementwise (Elfwing et al. 2018, eq. 4). x: any shape, float. Result: as x. */
import { unary } from './elementwise.js'
import type { Op } from './op.js'

export const silu: Op<['x']> = {
  ...unary(
    4,
    (x) => x / (1 + Math.exp(-x)),
    // s + y (1 - s), with s = sigmoid(x), from which y is x s
    (dy, x, y, b) => {
      const s = b.sigmoid(x)
      return b.mul(dy, b.add(s, b.mul(y, b.sub(1, s))))
    },
  ),
  decompose: ({ x }, _, b) => b.mul(x, b.sigmoid(x)),
}
