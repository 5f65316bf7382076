/** Square root, elementwise. */
import { unary } from './elementwise.js'

export const sqrt = unary(1, Math.sqrt, (dy, _, y, b) => b.div(b.mul(dy, 0.5), y))
