/** Mean of the elements along some axes. */
import { reduction } from './reduce.js'

export const mean = reduction((count) => count)
