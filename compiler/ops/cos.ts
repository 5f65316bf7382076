/** Cosine, elementwise, in radians. */
import { unary } from './elementwise.js'

export const cos = unary(1, Math.cos, (dy, x, _, b) => b.negate(b.mul(dy, b.sin(x))))
