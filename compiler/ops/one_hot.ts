/** Whole numbers as unit vectors. x: int64, any shape, each from 0 to depth - 1. Result: [...x, depth], float. */
import { elementCount } from '../ir/tensor.js'
import { fail, float32, notDifferentiable, type Op } from './op.js'

export interface OneHotAttributes {
  readonly depth: number
}

export const oneHot: Op<['x'], OneHotAttributes> = {
  inputs: ['x'],
  infer: ({ x }, { depth }) => (x.dataType === 'int64' ? float32([...x.shape, depth]) : fail('expects whole numbers')),
  gradient: notDifferentiable('whole numbers have no derivatives'),
  evaluate: ({ x }, { depth }, shape) => {
    const data = new Float32Array(elementCount(shape))
    x.data.forEach((label, i) => {
      if (label >= 0 && label < depth) data[i * depth + label] = 1
    })
    return { shape, data }
  },
}
