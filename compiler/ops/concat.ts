/** a and b one after the other along one axis; all other axes must agree. */
import { sameDimension, showShape, sum } from '../ir/dimension.js'
import { allocateLike, elementCount } from '../ir/tensor.js'
import { fail, ShapeError, type Op } from './op.js'

export interface AxisAttribute {
  readonly axis: number
}

export const concat: Op<['a', 'b'], AxisAttribute> = {
  inputs: ['a', 'b'],
  infer: ({ a, b }, { axis }) => {
    if (a.dataType !== b.dataType) fail(`cannot join ${a.dataType} with ${b.dataType}`)
    if (a.shape[axis] === undefined) fail(`there is no axis ${axis}`)
    const fits =
      a.shape.length === b.shape.length &&
      a.shape.every((size, i) => i === axis || sameDimension(size, b.shape[i] ?? -1))
    const joined = sum(a.shape[axis] ?? 0, b.shape[axis] ?? 0)
    if (!fits || joined === undefined)
      fail(`${showShape(a.shape)} and ${showShape(b.shape)} cannot be joined along axis ${axis}`)
    return { dataType: a.dataType, shape: a.shape.map((size, i) => (i === axis ? joined : size)) }
  },
  gradient: ({ a, b: right }, dy, { attributes: { axis }, b }) => {
    const seam = a.type.shape[axis] ?? 0
    if (typeof seam !== 'number') throw new ShapeError('tensors joined along an axis of unknown size have no gradient')
    const end = sum(seam, right.type.shape[axis] ?? 0) ?? seam
    return { a: b.slice(dy, { axis, start: 0, end: seam }), b: b.slice(dy, { axis, start: seam, end }) }
  },
  evaluate: ({ a, b }, { axis }, shape) => {
    const rows = elementCount(shape.slice(0, axis))
    const [left, right] = [elementCount(a.shape.slice(axis)), elementCount(b.shape.slice(axis))]
    const data = allocateLike(a.data, elementCount(shape))
    for (let row = 0; row < rows; row++) {
      data.set(a.data.subarray(row * left, (row + 1) * left), row * (left + right))
      data.set(b.data.subarray(row * right, (row + 1) * right), row * (left + right) + left)
    }
    return { shape, data }
  },
}
