/** Affine map of the last axis: x W^T + bias. x: [..., in], weight: [out, in], bias: [out]. Result: [..., out]. */
import { product, sameDimension, showDimension, showShape } from '../ir/dimension.js'
import { elementCount } from '../ir/tensor.js'
import { dotRows } from './dot.js'
import { expectFloat, expectShape, fail, float32, type Op } from './op.js'

export const linear: Op<['x', 'weight', 'bias?']> = {
  inputs: ['x', 'weight', 'bias?'],
  infer: ({ x, weight, bias }) => {
    expectFloat(x, weight, bias)
    const [out, width] = weight.shape
    if (out === undefined || width === undefined || weight.shape.length !== 2) {
      fail(`the weight of a linear layer must have two axes, not the shape ${showShape(weight.shape)}`)
    }
    const last = x.shape.at(-1)
    if (last === undefined || x.shape.length < 2) fail('a linear layer needs a batch of vectors')
    if (!sameDimension(last, width)) {
      fail(`a linear layer for ${showDimension(width)} features was given ${showDimension(last)}`)
    }
    expectShape(bias, [out], 'the bias of a linear layer')
    return float32([...x.shape.slice(0, -1), out])
  },
  decompose: ({ x, weight, bias }, _, b) => {
    const y = b.matmul(x, b.transpose(weight, { permutation: [1, 0] }))
    return bias === undefined ? y : b.add(y, bias)
  },
  gradient: ({ x, weight, bias }, dy, { b }) => {
    const [out = 0, width = 0] = weight.type.shape
    const rows = product(x.type.shape.slice(0, -1))
    const flat = b.reshape(dy, { shape: [rows, out] })
    const dWeight = b.matmul(b.transpose(flat, { permutation: [1, 0] }), b.reshape(x, { shape: [rows, width] }))
    const dBias = bias && b.sum(flat, { axes: [0], keep: false })
    return { x: b.matmul(dy, weight), weight: dWeight, ...(dBias ? { bias: dBias } : {}) }
  },
  flops: ({ weight }, result) => 2 * elementCount(result) * (weight[1] ?? 0),
  evaluate: ({ x, weight, bias }, _, shape) => {
    const [out = 0, width = 0] = weight.shape
    const rows = { data: Float64Array.from(x.data), start: 0, count: elementCount(shape.slice(0, -1)) }
    const data = new Float32Array(elementCount(shape))
    const columns = { data: Float64Array.from(weight.data), start: 0, count: out }
    dotRows(rows, columns, width, bias?.data, { data, start: 0, stepA: out, stepB: 1 })
    return { shape, data }
  },
}
