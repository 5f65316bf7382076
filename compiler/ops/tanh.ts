/** Hyperbolic tangent, elementwise. */
import { unary } from './elementwise.js'

export const tanh = unary(1, Math.tanh, (dy, _, y, b) => b.mul(dy, b.sub(1, b.mul(y, y))))
