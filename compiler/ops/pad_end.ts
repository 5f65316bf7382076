/** Zeros after the end of one axis, up to the size `to`. */
import type { Dimension } from '../ir/dimension.js'
import { elementCount } from '../ir/tensor.js'
import { expectFloat, fail, float32, type Op } from './op.js'

export interface PadEndAttributes {
  readonly axis: number
  readonly to: Dimension
}

export const padEnd: Op<['x'], PadEndAttributes> = {
  inputs: ['x'],
  infer: ({ x }, { axis, to }) => {
    expectFloat(x)
    const size = x.shape[axis] ?? fail(`there is no axis ${axis}`)
    if (typeof size === 'number' && typeof to === 'number' && to < size)
      fail(`an axis of ${size} cannot be padded to ${to}`)
    return float32(x.shape.map((dimension, i) => (i === axis ? to : dimension)))
  },
  evaluate: ({ x }, { axis }, shape) => {
    const rows = elementCount(shape.slice(0, axis))
    const [from, to] = [elementCount(x.shape.slice(axis)), elementCount(shape.slice(axis))]
    const data = new Float32Array(elementCount(shape))
    for (let row = 0; row < rows; row++) data.set(x.data.subarray(row * from, (row + 1) * from), row * to)
    return { shape, data }
  },
}
