/** The smaller of a and b, elementwise, with broadcasting. */
import { binary, ofChosen } from './elementwise.js'

export const minimum = binary(Math.min, ofChosen)
