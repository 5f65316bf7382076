/** a and b one after the other along one axis; all other axes must agree. */
import { isSymbolic, sameDimension, showShape, sum, type Dimension } from '../ir/dimension.js'
import type { Value } from '../ir/graph.js'
import { allocateLike, elementCount } from '../ir/tensor.js'
import type { Builder } from './index.js'
import { fail, type Op } from './op.js'

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
    const [first = 0, second = 0] = [a, right].map(({ type }) => type.shape[axis])
    const seam = times(first)
    const end = seam + times(second)
    const counted = isSymbolic(first) ? inUnits(dy, axis, end, { ...first, coefficient: 1 }, b) : dy
    const part = (of: Value, from: number, to: number) =>
      b.reshape(b.slice(counted, { axis, start: from, end: to }), { shape: of.type.shape })
    return { a: part(a, 0, seam), b: part(right, seam, end) }
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

/** A size as a number of units: of 1, or of what is only known at run time. */
function times(size: Dimension): number {
  return isSymbolic(size) ? size.coefficient : size
}

/** x with an axis of unknown size as two: how many units, which is known, and the unit. */
function inUnits(x: Value, axis: number, count: number, unit: Dimension, b: Builder): Value {
  const { shape } = x.type
  return b.reshape(x, { shape: [...shape.slice(0, axis), count, unit, ...shape.slice(axis + 1)] })
}
