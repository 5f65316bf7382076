/** The part of x from `start` to `end` (exclusive) along one axis. */
import { isSymbolic, sum, type Dimension } from '../ir/dimension.js'
import { allocate, elementCount } from '../ir/tensor.js'
import { fail, type Op } from './op.js'

export interface SliceAttributes {
  readonly axis: number
  readonly start: number
  /** May be a symbolic size where start is 0: the first rows of a batch. */
  readonly end: Dimension
}

export const slice: Op<['x'], SliceAttributes> = {
  inputs: ['x'],
  infer: ({ x }, { axis, start, end }) => {
    const size = x.shape[axis] ?? fail(`there is no axis ${axis}`)
    const length = sum(end, -start)
    if (length === undefined || (!isSymbolic(end) && (isSymbolic(size) || end > size || end <= start || start < 0))) {
      fail(`cannot take elements ${start} to ${String(end)} of an axis`)
    }
    return { dataType: x.dataType, shape: x.shape.map((dimension, i) => (i === axis ? length : dimension)) }
  },
  evaluate: ({ x }, { axis, start }, shape) => {
    const rows = elementCount(shape.slice(0, axis))
    const [from, taken] = [elementCount(x.shape.slice(axis)), elementCount(shape.slice(axis))]
    const offset = start * elementCount(shape.slice(axis + 1))
    const data = allocate(x.data instanceof Float32Array ? 'float32' : 'int64', elementCount(shape))
    for (let row = 0; row < rows; row++) {
      const at = row * from + offset
      data.set(x.data.subarray(at, at + taken), row * taken)
    }
    return { shape, data }
  },
}
