/** a - b, elementwise, with broadcasting. */
import { binary } from './elementwise.js'

export const sub = binary((a, b) => a - b)
