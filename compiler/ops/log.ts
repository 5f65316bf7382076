/** Natural logarithm, elementwise. */
import { unary } from './elementwise.js'

export const log = unary(1, Math.log, (dy, x, _, b) => b.div(dy, x))
