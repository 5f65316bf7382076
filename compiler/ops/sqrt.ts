/** Square root, elementwise. */
import { unary } from './elementwise.js'

export const sqrt = unary(1, Math.sqrt)
