/** Cases of the ops on single elements. */
import { floats, type Tensor } from '../../../compiler/ir/tensor.js'
import { casesOf, type OpCase } from '../op_case.js'
import { at, randn, tensor, truths, whole } from '../tensors.js'

function unary(f: (x: number) => number, x: Tensor = randn([3, 4, 5])): OpCase[] {
  const expected = tensor(x.shape, (...index) => f(at(x, ...index)))
  return [{ title: 'any shape', inputs: { x }, expected, batched: x.shape.length > 1 ? ['x'] : [] }]
}

const positive = tensor([2, 9], (i, j) => 0.05 + i + j ** 2)
/** Far out on both sides, where careless formulas overflow. */
const wide = floats([7], [-1000, -30, -1, 0, 1, 30, 1000])

/** Multiples of 1/4 and something more, so that the kinks of an op are not near: no derivative is there. */
function inQuarters(x: Tensor, more: number): Tensor {
  return tensor(x.shape, (...index) => Math.round(4 * at(x, ...index)) / 4 + more)
}

function binary(
  f: (a: number, b: number) => number,
  b: Tensor = randn([2, 3, 4], 2),
  a: Tensor = randn([2, 3, 4]),
): OpCase[] {
  const row = tensor([4], (k) => at(b, 0, 0, k))
  const column = tensor([2, 3, 1], (i, j) => at(b, i, j, 0))
  const one = tensor([], () => at(b, 1, 2, 3))
  return [
    {
      title: 'one shape',
      inputs: { a, b },
      expected: tensor([2, 3, 4], (...i) => f(at(a, ...i), at(b, ...i))),
      batched: ['a', 'b'],
      flops: 24,
    },
    {
      title: 'a row for all rows',
      inputs: { a, b: row },
      expected: tensor([2, 3, 4], (i, j, k) => f(at(a, i, j, k), at(row, k))),
      batched: ['a'],
    },
    {
      title: 'both sides stretched',
      inputs: { a: column, b: row },
      expected: tensor([2, 3, 4], (i, j, k) => f(at(column, i, j, 0), at(row, k))),
      batched: ['a'],
    },
    {
      title: 'a number for all elements',
      inputs: { a, b: one },
      expected: tensor([2, 3, 4], (...i) => f(at(a, ...i), at(one))),
      batched: ['a'],
    },
  ]
}

/** erf by its definition: the midpoint rule on 20,000 steps. */
function erf(x: number): number {
  const steps = 20_000
  let sum = 0
  for (let i = 0; i < steps; i++) sum += Math.exp(-((((i + 0.5) * x) / steps) ** 2))
  return ((2 / Math.sqrt(Math.PI)) * sum * x) / steps
}

const spread = floats([9], [-7, -3.5, -3, -1, -1e-4, 0, 0.5, 2.99, 6.5])
const a = randn([2, 3])
const halves = tensor([2, 3], (i, j) => (j === i ? at(a, i, j) : 0.5))
const condition = truths([2, 1], [1, 0])

export const elementwise = casesOf({
  add: binary((x, y) => x + y),
  sub: binary((x, y) => x - y),
  mul: binary((x, y) => x * y),
  div: binary(
    (x, y) => x / y,
    tensor([2, 3, 4], (i, j, k) => 0.5 + i + j + k),
  ),
  maximum: binary(Math.max, inQuarters(randn([2, 3, 4], 2), 0.125), inQuarters(randn([2, 3, 4]), 0)),
  minimum: binary(Math.min, inQuarters(randn([2, 3, 4], 2), 0.125), inQuarters(randn([2, 3, 4]), 0)),
  equal: [
    { title: 'numbers', inputs: { a, b: halves }, expected: truths([2, 3], [1, 0, 0, 0, 1, 0]), batched: ['a', 'b'] },
    {
      title: 'labels',
      inputs: { a: whole([3], [4, 2 ** 40, 6]), b: whole([1], [2 ** 40]) },
      expected: truths([3], [0, 1, 0]),
    },
  ],
  where: [
    {
      title: 'stretched condition',
      inputs: { condition, a, b: halves },
      expected: tensor([2, 3], (i, j) => at(i === 0 ? a : halves, i, j)),
      batched: ['condition', 'a', 'b'],
    },
  ],
  cos: unary(Math.cos),
  sin: unary(Math.sin),
  erf: unary(erf, spread),
  abs: unary(Math.abs, inQuarters(randn([3, 4, 5]), 0.125)),
  exp: unary(Math.exp),
  gelu: unary((x) => (x * (1 + erf(x / Math.sqrt(2)))) / 2, spread),
  log: unary(Math.log, positive),
  negate: unary((x) => -x),
  relu: unary((x) => (x > 0 ? x : 0), inQuarters(randn([3, 4, 5]), 0.125)),
  sigmoid: [...unary((x) => 1 / (1 + Math.exp(-x))), ...unary((x) => (Math.tanh(x / 2) + 1) / 2, wide)],
  silu: [...unary((x) => x / (1 + Math.exp(-x))), ...unary((x) => (x * (Math.tanh(x / 2) + 1)) / 2, wide)],
  sqrt: unary(Math.sqrt, positive),
  tanh: unary((x) => (Math.exp(2 * x) - 1) / (Math.exp(2 * x) + 1)),
})
