/** SiLU: x * sigmoid(x), elementwise (Elfwing et al. 2018, eq. 4). x: any shape, float. Result: as x. */
import { unary } from './elementwise.js'
import type { Op } from './op.js'

export const silu: Op<['x']> = {
  ...unary(4, (x) => x / (1 + Math.exp(-x))),
  decompose: ({ x }, _, b) => b.mul(x, b.sigmoid(x)),
}
