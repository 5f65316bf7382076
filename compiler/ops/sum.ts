/** Sum of the elements along some axes. */
import { reduction } from './reduce.js'

export const sum = reduction(() => 1)
