/** Cases of the products, the normalisations and attention. */
import type { Tensor } from '../../../compiler/ir/tensor.js'
import { casesOf, type OpCase } from '../op_case.js'
import { at, randn, tensor } from '../tensors.js'

function total(count: number, f: (i: number) => number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += f(i)
  return sum
}

const tokens = randn([2, 3, 5])
const matrix = randn([7, 5], 2)
const bias = randn([7], 3)
const vectors = randn([2, 5])

/** Mean 0 and variance 1 over the elements of `x` for which `together` holds, in float64. */
function normalised(x: Tensor, epsilon: number, key: (...index: number[]) => string): (...index: number[]) => number {
  const groups = new Map<string, number[]>()
  tensor(x.shape, (...index) => {
    const name = key(...index)
    groups.set(name, [...(groups.get(name) ?? []), at(x, ...index)])
    return 0
  })
  const statistics = new Map(
    Array.from(groups, ([name, values]) => {
      const mean = total(values.length, (i) => values[i] ?? 0) / values.length
      const variance = total(values.length, (i) => ((values[i] ?? 0) - mean) ** 2) / values.length
      return [name, { mean, variance }]
    }),
  )
  return (...index) => {
    const { mean, variance } = statistics.get(key(...index)) ?? { mean: 0, variance: 1 }
    return (at(x, ...index) - mean) / Math.sqrt(variance + epsilon)
  }
}

function groupNormCase(title: string, x: Tensor, groups: number): OpCase {
  const channels = x.shape[1] ?? 1
  const [scale, shift] = [randn([channels], 4), randn([channels], 5)]
  const unit = normalised(x, 1e-5, (n, c = 0) => `${n} ${Math.floor(c / (channels / groups))}`)
  const expected = tensor(x.shape, (...index) => {
    const c = index[1] ?? 0
    return unit(...index) * at(scale, c) + at(shift, c)
  })
  const attributes = { groups, epsilon: 1e-5 }
  return { title, inputs: { x, scale, bias: shift }, attributes, expected, batched: ['x'] }
}

/** Mean 1e4, deviation 1: E[x^2] - E[x]^2 in float32 would leave nothing. */
const far = (shape: readonly number[]) => {
  const noise = randn(shape, 6)
  return tensor(shape, (...index) => 1e4 + at(noise, ...index))
}

function layerNormCase(title: string, x: Tensor, affine: boolean): OpCase {
  const features = x.shape.at(-1) ?? 1
  const [scale, shift] = [randn([features], 4), randn([features], 5)]
  const unit = normalised(x, 1e-5, (...index) => index.slice(0, -1).join())
  const expected = tensor(x.shape, (...index) => {
    const f = index.at(-1) ?? 0
    return affine ? unit(...index) * at(scale, f) + at(shift, f) : unit(...index)
  })
  const affinity: Record<string, Tensor> = affine ? { scale, bias: shift } : {}
  return { title, inputs: { x, ...affinity }, attributes: { epsilon: 1e-5 }, expected, batched: ['x'] }
}

function standardiseCase(title: string, x: Tensor, epsilon: number): OpCase {
  const unit = normalised(x, epsilon, (...index) => index.slice(0, -1).join())
  return { title, inputs: { x }, attributes: { epsilon }, expected: tensor(x.shape, unit), batched: ['x'] }
}

function attend(q: Tensor, k: Tensor, v: Tensor, mask?: Tensor): Tensor {
  const [keys = 0, features = 0] = k.shape.slice(2)
  return tensor([...q.shape.slice(0, 3), v.shape[3] ?? 0], (n = 0, h = 0, i = 0, f = 0) => {
    const score = (s: number) => total(features, (d) => at(q, n, h, i, d) * at(k, n, h, s, d)) / Math.sqrt(features)
    const none = mask !== undefined && total(keys, (s) => at(mask, n, s)) === 0
    const weight = (s: number) => (none ? 1 : (mask ? at(mask, n, s) : 1) * Math.exp(score(s)))
    return total(keys, (s) => weight(s) * at(v, n, h, s, f)) / total(keys, weight)
  })
}

const [q, k, v] = [randn([3, 2, 4, 5]), randn([3, 2, 6, 5], 2), randn([3, 2, 6, 7], 3)]
const mask = tensor([3, 6], (n, s = 0) => (n === 0 || (n === 1 && s < 2) ? 1 : 0))
const [left, right] = [randn([2, 3, 4, 5]), randn([2, 3, 5, 7], 2)]
const logits = tensor([2, 3, 4], (i = 0, j = 0, l = 0) => 90 * Math.sin(l + 1) + i - j)

export const layers = casesOf({
  linear: [
    {
      title: 'tokens with bias',
      inputs: { x: tokens, weight: matrix, bias },
      expected: tensor([2, 3, 7], (n = 0, t = 0, o = 0) => {
        return total(5, (i) => at(tokens, n, t, i) * at(matrix, o, i)) + at(bias, o)
      }),
      batched: ['x'],
      flops: 2 * 2 * 3 * 7 * 5,
    },
    {
      title: 'vectors without bias',
      inputs: { x: vectors, weight: matrix },
      expected: tensor([2, 7], (n = 0, o = 0) => total(5, (i) => at(vectors, n, i) * at(matrix, o, i))),
      batched: ['x'],
    },
  ],
  matmul: [
    {
      title: 'pairs of matrices',
      inputs: { a: left, b: right },
      expected: tensor([2, 3, 4, 7], (n = 0, h = 0, i = 0, j = 0) =>
        total(5, (l) => at(left, n, h, i, l) * at(right, n, h, l, j)),
      ),
      batched: ['a', 'b'],
      flops: 2 * 2 * 3 * 4 * 7 * 5,
    },
    {
      title: 'one matrix for all',
      inputs: { a: tokens, b: randn([5, 1], 2) },
      expected: tensor([2, 3, 1], (n = 0, i = 0) => total(5, (l) => at(tokens, n, i, l) * at(randn([5, 1], 2), l, 0))),
      batched: ['a'],
    },
  ],
  softmax: [
    {
      title: 'scores far apart',
      inputs: { x: logits },
      expected: tensor([2, 3, 4], (i = 0, j = 0, l = 0) => {
        return 1 / total(4, (m) => Math.exp(at(logits, i, j, m) - at(logits, i, j, l)))
      }),
      batched: ['x'],
    },
  ],
  groupNorm: [
    groupNormCase('images', randn([2, 6, 3, 4]), 3),
    groupNormCase('sequences, one group', randn([2, 4, 5]), 1),
    groupNormCase('a mean far from 0', far([2, 8, 5, 5]), 2),
  ],
  layerNorm: [
    layerNormCase('tokens', randn([2, 3, 8]), true),
    layerNormCase('without scale and bias', randn([2, 3, 8]), false),
    layerNormCase('a mean far from 0', far([2, 3, 64]), true),
  ],
  standardise: [
    standardiseCase('tokens', randn([2, 3, 8]), 1e-5),
    standardiseCase('groups of channels', randn([2, 4, 12]), 1e-5),
    standardiseCase('vectors, a large epsilon', randn([3, 5]), 0.5),
    standardiseCase('a mean far from 0', far([2, 3, 64]), 1e-5),
  ],
  attention: [
    {
      title: 'without a mask',
      inputs: { q, k, v },
      expected: attend(q, k, v),
      batched: ['q', 'k', 'v'],
      flops: 2 * 3 * 2 * 4 * 6 * (5 + 7),
    },
    {
      title: 'keys hidden, in one example all of them',
      inputs: { q, k, v, mask },
      expected: attend(q, k, v, mask),
      batched: ['q', 'k', 'v', 'mask'],
    },
  ],
})
