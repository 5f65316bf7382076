/** Softmax over the last axis. x: any shape. Result: as x, summing to 1 along the last axis. */
import { elementCount } from '../ir/tensor.js'
import type { Value } from '../ir/graph.js'
import type { Builder } from './index.js'
import { expectFloat, fail, type Op } from './op.js'

/** y (dy - sum of y dy along the last axis), for y = softmax(x). */
export function softmaxGradient(y: Value, dy: Value, b: Builder): Value {
  const product = b.mul(y, dy)
  const total = b.sum(product, { axes: [y.type.shape.length - 1], keep: true })
  return b.sub(product, b.mul(y, total))
}

export const softmax: Op<['x']> = {
  inputs: ['x'],
  infer: ({ x }) => {
    expectFloat(x)
    return x.shape.length > 0 ? x : fail('softmax needs an axis')
  },
  gradient: (_, dy, { y, b }) => ({ x: softmaxGradient(y, dy, b) }),
  flops: (_, result) => 5 * elementCount(result),
  evaluate: ({ x }, _, shape) => {
    const size = shape.at(-1) ?? 1
    const data = new Float32Array(x.data.length)
    const weights = new Float64Array(size)
    for (let at = 0; at < data.length; at += size) {
      let largest = -Infinity
      for (let i = 0; i < size; i++) largest = Math.max(largest, x.data[at + i] ?? 0)
      let total = 0
      for (let i = 0; i < size; i++) {
        const weight = Math.exp((x.data[at + i] ?? 0) - largest)
        weights[i] = weight
        total += weight
      }
      for (let i = 0; i < size; i++) data[at + i] = (weights[i] ?? 0) / total
    }
    return { shape, data }
  },
}
