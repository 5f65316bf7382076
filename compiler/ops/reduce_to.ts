/** What the gradients of broadcasting ops share. */
import { sameDimension, sameShape, type Shape } from '../ir/dimension.js'
import type { Value } from '../ir/graph.js'
import type { Builder } from './index.js'

/** The transpose of repeating a tensor of `shape` up to that of `x`: the sum over all repetitions. */
export function reduceTo(x: Value, shape: Shape, b: Builder): Value {
  const from = x.type.shape
  if (sameShape(from, shape)) return x
  const before = from.length - shape.length
  const axes = from.flatMap((size, axis) =>
    axis < before || !sameDimension(size, shape[axis - before] ?? 1) ? [axis] : [],
  )
  return b.reshape(b.sum(x, { axes, keep: true }), { shape })
}
