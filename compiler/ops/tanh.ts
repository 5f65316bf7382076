/** Hyperbolic tangent, elementwise. */
import { unary } from './elementwise.js'

export const tanh = unary(1, Math.tanh)
