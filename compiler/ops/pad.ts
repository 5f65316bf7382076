/** Zeros along one axis: `before` of them ahead of x, and as many behind it as make the size `to`. */
import { sum, type Dimension } from '../ir/dimension.js'
import { elementCount } from '../ir/tensor.js'
import { expectFloat, fail, float32, type Op } from './op.js'

export interface PadAttributes {
  readonly axis: number
  readonly before: number
  readonly to: Dimension
}

export const pad: Op<['x'], PadAttributes> = {
  inputs: ['x'],
  infer: ({ x }, { axis, before, to }) => {
    expectFloat(x)
    const size = x.shape[axis] ?? fail(`there is no axis ${axis}`)
    if (before < 0 || (typeof size === 'number' && typeof to === 'number' && to < size + before))
      fail(`an axis of ${typeof size === 'number' ? size : 'unknown size'} cannot be padded so`)
    if (before > 0 && typeof size !== 'number') fail('only an axis of fixed size is padded ahead')
    return float32(x.shape.map((dimension, i) => (i === axis ? to : dimension)))
  },
  gradient: ({ x }, dy, { attributes: { axis, before }, b }) => ({
    x: b.slice(dy, { axis, start: before, end: sum(x.type.shape[axis] ?? 0, before) ?? before }),
  }),
  evaluate: ({ x }, { axis, before }, shape) => {
    const rows = elementCount(shape.slice(0, axis))
    const [from, to] = [elementCount(x.shape.slice(axis)), elementCount(shape.slice(axis))]
    const ahead = before * elementCount(shape.slice(axis + 1))
    const data = new Float32Array(elementCount(shape))
    for (let row = 0; row < rows; row++) data.set(x.data.subarray(row * from, (row + 1) * from), row * to + ahead)
    return { shape, data }
  },
}
