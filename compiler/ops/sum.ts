/** Sum of the elements along some axes. */
import { reduction, repeated } from './reduce.js'

export const sum = reduction(
  () => 1,
  ({ x }, dy, { attributes, b }) => ({ x: repeated(x, dy, attributes, b) }),
)
