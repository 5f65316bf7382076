/** Whether a and b are the same number, elementwise, with broadcasting. Result: bool. */
import { comparison } from './elementwise.js'

export const equal = comparison((a, b) => a === b)
