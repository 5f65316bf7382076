/** Cosine, elementwise, in radians. */
import { unary } from './elementwise.js'

export const cos = unary(1, Math.cos)
