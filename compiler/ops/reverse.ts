/** The elements along some axes of fixed size in the opposite order. */
import type { Value } from '../ir/graph.js'
import { allocateLike } from '../ir/tensor.js'
import type { Builder } from './index.js'
import { fail, fixedSize, type Op } from './op.js'

export interface ReverseAttributes {
  readonly axes: readonly number[]
}

export const reverse: Op<['x'], ReverseAttributes> = {
  inputs: ['x'],
  infer: ({ x }, { axes }) => {
    if (axes.some((axis) => !(axis in x.shape))) fail(`there is no axis ${axes.join(', ')}`)
    for (const axis of axes) fixedSize(x, axis, 'an axis that is reversed')
    return x
  },
  decompose: ({ x }, { axes }, b) => axes.reduce((turned, axis) => alongOne(turned, axis, b), x),
  gradient: (_, dy, { attributes, b }) => ({ x: b.reverse(dy, attributes) }),
  evaluate: ({ x }, { axes }, shape) => {
    const data = allocateLike(x.data, x.data.length)
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1))
    for (let at = 0; at < data.length; at++) {
      let from = at
      for (const axis of axes) {
        const [stride, size] = [strides[axis] ?? 1, shape[axis] ?? 1]
        const index = Math.floor(at / stride) % size
        from += (size - 1 - 2 * index) * stride
      }
      data[at] = x.data[from] ?? 0
    }
    return { shape, data }
  },
}

function alongOne(x: Value, axis: number, b: Builder): Value {
  const size = fixedSize(x.type, axis, 'an axis that is reversed')
  const slices = Array.from({ length: size }, (_, i) => b.slice(x, { axis, start: size - 1 - i, end: size - i }))
  return slices.reduce((joined, slice) => b.concat(joined, slice, { axis }))
}
