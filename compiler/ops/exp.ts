/** e^x, elementwise. */
import { unary } from './elementwise.js'

export const exp = unary(1, Math.exp, (dy, _, y, b) => b.mul(dy, y))
