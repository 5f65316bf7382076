/** Mean of the elements along some axes. */
import { isSymbolic } from '../ir/dimension.js'
import type { Value } from '../ir/graph.js'
import type { Builder } from './index.js'
import { reduction, repeated } from './reduce.js'

export const mean = reduction(
  (count) => count,
  ({ x }, dy, { attributes, b }) => ({
    x: repeated(x, b.div(dy, countOf(x, attributes.axes, b)), attributes, b),
  }),
)

/** How many elements a mean is taken of; sizes known only at run time are counted there. */
export function countOf(x: Value, axes: readonly number[], b: Builder): Value {
  const sizes = axes.map((axis) => x.type.shape[axis] ?? 1)
  const known = b.scalar(sizes.filter((size) => typeof size === 'number').reduce((count, size) => count * size, 1))
  return sizes
    .filter(isSymbolic)
    .reduce((count, size) => b.mul(count, b.sum(b.broadcast(1, { shape: [size] }), { axes: [0], keep: false })), known)
}
