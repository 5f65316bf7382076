/** a - b, elementwise, with broadcasting. */
import { binary } from './elementwise.js'

export const sub = binary(
  (a, b) => a - b,
  (dy, _, build) => ({ a: dy, b: build.negate(dy) }),
)
