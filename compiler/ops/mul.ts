/** a b, elementwise, with broadcasting. */
import { binary } from './elementwise.js'

export const mul = binary(
  (a, b) => a * b,
  (dy, { a, b }, build) => ({ a: build.mul(dy, b), b: build.mul(dy, a) }),
)
