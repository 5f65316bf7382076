/** a + b, elementwise, with broadcasting. */
import { binary } from './elementwise.js'

export const add = binary(
  (a, b) => a + b,
  (dy) => ({ a: dy, b: dy }),
)
