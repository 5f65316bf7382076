/** a b, elementwise, with broadcasting. */
import { binary } from './elementwise.js'

export const mul = binary((a, b) => a * b)
