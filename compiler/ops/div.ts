/** a / b, elementwise, with broadcasting. */
import { binary } from './elementwise.js'

export const div = binary(
  (a, b) => a / b,
  (dy, { b, y }, build) => {
    const a = build.div(dy, b)
    return { a, b: build.negate(build.mul(a, y)) }
  },
)
