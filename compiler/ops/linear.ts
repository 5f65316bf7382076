/** Affine map of the last axis: x W^T + bias. x: [..., in], weight: [out, in], bias: [out]. Result: [..., out]. */
import { sameDimension, showDimension } from '../ir/dimension.js'
import { elementCount } from '../ir/tensor.js'
import { fail, float32, type Op } from './op.js'

export const linear: Op<['x', 'weight', 'bias?']> = {
  inputs: ['x', 'weight', 'bias?'],
  infer: ({ x, weight }) => {
    const [out = 0, width = 0] = weight.shape
    const last = x.shape.at(-1) ?? fail('a linear layer needs an axis of features')
    if (!sameDimension(last, width)) fail(`a linear layer for ${showDimension(width)} features was given ${showDimension(last)}`)
    return float32([...x.shape.slice(0, -1), out])
  },
  decompose: ({ x, weight, bias }, _, b) => {
    const y = b.matmul(x, b.transpose(weight, { permutation: [1, 0] }))
    return bias === undefined ? y : b.add(y, bias)
  },
  flops: ({ weight }, result) => 2 * elementCount(result) * (weight[1] ?? 0),
  evaluate: ({ x, weight, bias }, _, shape) => {
    const [out = 0, width = 0] = weight.shape
    const data = new Float32Array(elementCount(shape))
    for (let row = 0; row * out < data.length; row++) {
      for (let o = 0; o < out; o++) {
        let total = bias?.data[o] ?? 0
        for (let i = 0; i < width; i++) total += (x.data[row * width + i] ?? 0) * (weight.data[o * width + i] ?? 0)
        data[row * out + o] = total
      }
    }
    return { shape, data }
  },
}
