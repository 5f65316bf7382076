/** The larger of a and b, elementwise, with broadcasting. */
import { binary, ofChosen } from './elementwise.js'

export const maximum = binary(Math.max, ofChosen)
