/**
 * Scaled dot-product attention (Vaswani et al. 2017, eq. 1): softmax(q k^T / sqrt(d)) v for each head.
 * q: [batch, heads, queries, d], k and v: [batch, heads, keys, d], mask: [batch, keys], 0 where a key must not
 * be seen. Result: as q. Where a mask hides every key, all keys count alike.
 */
import { sameDimension, showShape } from '../ir/dimension.js'
import { elementCount, type TensorType } from '../ir/tensor.js'
import type { Value } from '../ir/graph.js'
import type { Builder } from './index.js'
import { matmul, swapped } from './matmul.js'
import { expectFloat, expectShape, fail, fixedSize, type Op, type PerInput } from './op.js'
import { softmax, softmaxGradient } from './softmax.js'

/** A hidden key's score: low enough to leave nothing of it, finite so that no NaN can arise. */
const hidden = -1e30

type Inputs = PerInput<['q', 'k', 'v', 'mask?'], Value>

/** How much each query takes of each key's value: [batch, heads, queries, keys]. */
function weightsOf({ q, k, mask }: Inputs, b: Builder): Value {
  const features = fixedSize(q.type, 3, 'the axis of features of attention')
  const scores = b.matmul(b.mul(q, features ** -0.5), swapped(k, b))
  return b.softmax(mask === undefined ? scores : b.where(hiddenKeys(mask, b), hidden, scores))
}

/** Which keys no query sees: [batch, 1, 1, keys]. */
function hiddenKeys(mask: Value, b: Builder): Value {
  const [batch = 0, keys = 0] = mask.type.shape
  return b.reshape(b.equal(mask, 0), { shape: [batch, 1, 1, keys] })
}

export const attention: Op<['q', 'k', 'v', 'mask?']> = {
  inputs: ['q', 'k', 'v', 'mask?'],
  infer: ({ q, k, v, mask }) => {
    expectFloat(q, k, v, mask)
    if ([q, k, v].some(({ shape }) => shape.length !== 4))
      fail('attention needs queries, keys and values of shape [batch, heads, tokens, features]')
    fixedSize(q, 3, 'the axis of features of attention')
    const agree = (a: TensorType, b: TensorType, axes: readonly number[]) =>
      axes.every((axis) => sameDimension(a.shape[axis] ?? 0, b.shape[axis] ?? 0))
    if (!agree(q, k, [0, 1, 3]) || !agree(k, v, [0, 1, 2])) {
      fail(
        `attention cannot match queries ${showShape(q.shape)} with keys ${showShape(k.shape)} and values ${showShape(v.shape)}`,
      )
    }
    expectShape(mask, [k.shape[0] ?? 0, k.shape[2] ?? 0], 'the mask of attention')
    return { dataType: 'float32', shape: [...q.shape.slice(0, 3), v.shape[3] ?? 0] }
  },
  decompose: (inputs, _, b) => b.matmul(weightsOf(inputs, b), inputs.v),
  // From the decomposition's steps; softmax and products appear in the forward pass too, and are shared with it.
  gradient: ({ q, k, v, mask }, dy, { b }) => {
    const factor = fixedSize(q.type, 3, 'the axis of features of attention') ** -0.5
    const weights = weightsOf({ q, k, v, mask }, b)
    const dWeights = b.matmul(dy, swapped(v, b))
    const all = softmaxGradient(weights, dWeights, b)
    // Where every key is hidden their weights are equal, whatever the scores.
    const dScores = mask === undefined ? all : b.where(hiddenKeys(mask, b), 0, all)
    return {
      q: b.mul(b.matmul(dScores, k), factor),
      k: b.matmul(swapped(dScores, b), b.mul(q, factor)),
      v: b.matmul(swapped(weights, b), dy),
    }
  },
  flops: ({ q, k }, result) => elementCount(q) * (k[2] ?? 0) * 2 + elementCount(result) * (k[2] ?? 0) * 2,
  evaluate: ({ q, k, v, mask }, _, shape) => {
    const [batch = 0, heads = 0, queries = 0, features = 0] = q.shape
    const keys = k.shape[2] ?? 0
    const transposed = new Float32Array(k.data.length)
    for (let h = 0; h < batch * heads; h++) {
      for (let s = 0; s < keys; s++) {
        for (let d = 0; d < features; d++)
          transposed[(h * features + d) * keys + s] = k.data[(h * keys + s) * features + d] ?? 0
      }
    }
    const scoreShape = [batch, heads, queries, keys]
    const scores = matmul.evaluate(
      { a: q, b: { shape: [batch, heads, features, keys], data: transposed } },
      {},
      scoreShape,
    )
    for (let i = 0; i < scores.data.length; i++) {
      const example = Math.floor(i / (heads * queries * keys))
      const seen = mask?.data[example * keys + (i % keys)] !== 0
      scores.data[i] = (scores.data[i] ?? 0) / Math.sqrt(features) + (seen ? 0 : hidden)
    }
    return matmul.evaluate({ a: softmax.evaluate({ x: scores }, {}, scoreShape), b: v }, {}, shape)
  },
}
