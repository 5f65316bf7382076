/** a / b, elementwise, with broadcasting. */
import { binary } from './elementwise.js'

export const div = binary((a, b) => a / b)
