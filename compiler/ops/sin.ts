/** Sine, elementwise, in radians. */
import { unary } from './elementwise.js'

export const sin = unary(1, Math.sin, (dy, x, _, b) => b.mul(dy, b.cos(x)))
