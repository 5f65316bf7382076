/** |x|, elementwise. */
import { unary } from './elementwise.js'

export const abs = unary(1, Math.abs)
