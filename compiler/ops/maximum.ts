/** The larger of a and b, elementwise, with broadcasting. */
import { binary } from './elementwise.js'

export const maximum = binary(Math.max)
