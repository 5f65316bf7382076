/** Whether a and b are the same number, elementwise, with broadcasting. Result: bool. */
import { binary } from './elementwise.js'

export const equal = binary((a, b) => (a === b ? 1 : 0), 'bool')
