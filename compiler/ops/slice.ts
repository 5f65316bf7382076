/** The part of x from `start` to `end` (exclusive) along one axis. */
import { divide, isSymbolic, showDimension, sum, type Dimension } from '../ir/dimension.js'
import { allocateLike, elementCount } from '../ir/tensor.js'
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
    if (length === undefined || start < 0 || !reaches(size, end) || (!isSymbolic(end) && end <= start)) {
      fail(`cannot take elements ${start} to ${showDimension(end)} of an axis of ${showDimension(size)}`)
    }
    return { dataType: x.dataType, shape: x.shape.map((dimension, i) => (i === axis ? length : dimension)) }
  },
  gradient: ({ x }, dy, { attributes: { axis, start }, b }) => ({
    x: b.pad(dy, { axis, before: start, to: x.type.shape[axis] ?? 0 }),
  }),
  evaluate: ({ x }, { axis, start }, shape) => {
    const rows = elementCount(shape.slice(0, axis))
    const [from, taken] = [elementCount(x.shape.slice(axis)), elementCount(shape.slice(axis))]
    const offset = start * elementCount(shape.slice(axis + 1))
    const data = allocateLike(x.data, elementCount(shape))
    for (let row = 0; row < rows; row++) {
      const at = row * from + offset
      data.set(x.data.subarray(at, at + taken), row * taken)
    }
    return { shape, data }
  },
}

/** Whether an axis surely has `end` elements, as far as one can tell before the symbols have sizes. */
function reaches(size: Dimension, end: Dimension): boolean {
  if (!isSymbolic(end)) return !isSymbolic(size) && end <= size
  const times = divide(size, { ...end, coefficient: 1 })
  return typeof times !== 'number' || times >= end.coefficient
}
