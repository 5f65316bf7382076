/** Axes in another order: axis i of the result is axis permutation[i] of x. */
import { allocateLike } from '../ir/tensor.js'
import { fail, type Op } from './op.js'

export interface TransposeAttributes {
  readonly permutation: readonly number[]
}

export const transpose: Op<['x'], TransposeAttributes> = {
  inputs: ['x'],
  infer: ({ x }, { permutation }) => {
    const axes = [...permutation].sort((a, b) => a - b)
    if (axes.length !== x.shape.length || axes.some((axis, i) => axis !== i))
      fail(`[${permutation.join(', ')}] is no order of ${x.shape.length} axes`)
    return { dataType: x.dataType, shape: permutation.map((axis) => x.shape[axis] ?? 0) }
  },
  gradient: (_, dy, { attributes: { permutation }, b }) => ({
    x: b.transpose(dy, { permutation: permutation.map((_axis, axis) => permutation.indexOf(axis)) }),
  }),
  evaluate: ({ x }, { permutation }, shape) => {
    const strides = x.shape.map((_, axis) => x.shape.slice(axis + 1).reduce((a, b) => a * b, 1))
    const steps = permutation.map((axis) => strides[axis] ?? 0)
    const data = allocateLike(x.data, x.data.length)
    const index = shape.map(() => 0)
    let from = 0
    for (let at = 0; at < data.length; at++) {
      data[at] = x.data[from] ?? 0
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const next = (index[axis] ?? 0) + 1
        from += steps[axis] ?? 0
        if (next < (shape[axis] ?? 0)) {
          index[axis] = next
          break
        }
        index[axis] = 0
        from -= next * (steps[axis] ?? 0)
      }
    }
    return { shape, data }
  },
}
