/** For every op, graphs of that op alone, with sizes known at compile time and with sizes known only at run time. */
import { symbol, type Shape } from '../../compiler/ir/dimension.js'
import type { Value } from '../../compiler/ir/graph.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { conv, type ConvAttributes } from '../../compiler/ops/conv.js'
import { float32 } from '../../compiler/ops/op.js'
import type { OpName } from '../../compiler/ops/index.js'
import { noise, TestGraph, type Network } from './support.js'

export interface Case extends Network {
  readonly inputs: Readonly<Record<string, Tensor>>
}

const batch = symbol('batch')
const tokens = symbol('tokens')

/** One input `x` of a shape with a symbolic batch of 2. */
function one(rest: readonly number[], build: (g: TestGraph, x: Value) => Value, x = noise([2, ...rest])): Case {
  const g = new TestGraph()
  g.within('module.part')
  const y = build(g, g.input('x', [batch, ...rest]))
  return { ...g.finish({ y }), inputs: { x } }
}

/** Inputs `x` [batch, tokens, 6] and `other` of a broadcasting shape. */
function two(build: (g: TestGraph, a: Value, b: Value) => Value): Case {
  const g = new TestGraph()
  const y = build(g, g.input('a', [batch, tokens, 6]), g.input('b', [tokens, 1]))
  const inputs = { a: noise([2, 5, 6]), b: noise([5, 1], 2) }
  return { ...g.finish({ y }), inputs }
}

const positive = (shape: readonly number[]): Tensor => ({
  shape,
  data: noise(shape).data.map((v) => Math.abs(v) + 0.1),
})
const unary = (
  name: 'abs' | 'cos' | 'erf' | 'exp' | 'gelu' | 'negate' | 'relu' | 'sigmoid' | 'silu' | 'sin' | 'tanh',
) => [one([3, 5], (g, x) => g.b[name](x))]
const binary = (name: 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum') => [
  two((g, a, b) => g.b[name](a, b)),
  two((g, a) => g.b[name](a, 0.3)),
]

function attention(masked: boolean): Case {
  const g = new TestGraph()
  const q = g.input('q', [batch, 2, 7, 4])
  const k = g.input('k', [batch, 2, tokens, 4])
  const v = g.input('v', [batch, 2, tokens, 4])
  const mask = masked ? g.input('mask', [batch, tokens]) : undefined
  const inputs = { q: noise([3, 2, 7, 4]), k: noise([3, 2, 3, 4], 2), v: noise([3, 2, 3, 4], 3) }
  // The last example hides every key.
  const seen = { shape: [3, 3], data: Float32Array.of(1, 1, 1, 1, 0, 1, 0, 0, 0) }
  return { ...g.finish({ y: g.b.attention(q, k, v, mask) }), inputs: masked ? { ...inputs, mask: seen } : inputs }
}

function tokensCase(build: (g: TestGraph, x: Value) => Value): Case {
  const g = new TestGraph()
  const y = build(g, g.input('x', [batch, tokens, 8]))
  return { ...g.finish({ y }), inputs: { x: noise([2, 5, 8]) } }
}

/** Stride 1 and 2, kernels 1 to 3, sides that the stride leaves over; `x` is the input's shape behind the batch. */
const convolutions: readonly (ConvAttributes & {
  readonly x: readonly number[]
  readonly out?: number
  readonly kernel: readonly number[]
})[] = [
  { x: [3, 8, 8], kernel: [3, 3], stride: 1, padding: 1 },
  { x: [3, 9, 8], kernel: [3, 3], stride: 2, padding: 1 },
  { x: [3, 8, 7], kernel: [3, 3], stride: 2, padding: 0 },
  // Large enough for the lowering that large maps have.
  { x: [2, 18, 17], kernel: [3, 3], stride: 1, padding: 1 },
  { x: [2, 18, 17], kernel: [1, 1], stride: 1, padding: 0 },
  { x: [2, 17, 18], kernel: [2, 3], stride: 1, padding: [1, 0, 0, 2] },
  // With channels that ONNX Runtime would take in blocks.
  { x: [16, 16, 16], out: 16, kernel: [3, 3], stride: 1, padding: 1 },
  { x: [16, 33, 32], out: 32, kernel: [3, 3], stride: 2, padding: 1 },
  { x: [3, 5, 4], kernel: [1, 1], stride: 1, padding: 0 },
  { x: [3, 5, 4], kernel: [1, 1], stride: 2, padding: 0 },
  { x: [3, 5, 7], kernel: [2, 2], stride: 2, padding: 0 },
  { x: [3, 6, 6], kernel: [2, 2], stride: 2, padding: [0, 0, 1, 1] },
  { x: [2, 4, 5], kernel: [2, 3], stride: 1, padding: [3, 3, 2, 4] },
  { x: [2, 8, 7], kernel: [2, 1], stride: 3, padding: 1 },
  { x: [3, 8], kernel: [3], stride: 1, padding: 1 },
  { x: [3, 8], kernel: [1], stride: 1, padding: 0 },
  { x: [3, 7], kernel: [3], stride: 2, padding: 1 },
  { x: [3, 7], kernel: [2], stride: 2, padding: 0 },
]

/** What a convolution and its gradients are made of; only what is asked for becomes part of the graph. */
interface Convolved {
  readonly x: () => Value
  readonly weight: () => Value
  /** The weight as a graph that trains has it: given in each run. */
  readonly givenWeight: () => Value
  /** The gradient with respect to the convolution's result. */
  readonly dy: () => Value
  readonly attributes: ConvAttributes
  readonly space: readonly number[]
  readonly kernel: readonly number[]
}

function convolved(make: (g: TestGraph, given: Convolved) => Value): Case[] {
  return convolutions.map(({ x: shape, out = 4, kernel, stride, padding }) => {
    const g = new TestGraph()
    const [channels = 0, ...space] = shape
    const attributes = { stride, padding }
    const weight: Tensor = noise([out, channels, ...kernel], 2)
    const given = { x: float32([1, ...shape]), weight: float32(weight.shape) }
    const result = conv.infer(given, attributes).shape.slice(1).map(Number)
    const inputs: Record<string, Tensor> = {}
    const input = (name: string, rest: readonly number[], seed: number) => {
      inputs[name] = noise([2, ...rest], seed)
      return g.input(name, [batch, ...rest])
    }
    const y = make(g, {
      x: () => input('x', shape, 1),
      dy: () => input('dy', result, 3),
      weight: () => g.parameter('conv.weight', weight),
      givenWeight: () => {
        inputs.weight = weight
        return g.input('weight', weight.shape)
      },
      attributes,
      space,
      kernel,
    })
    return { ...g.finish({ y }), inputs }
  })
}

/** A value that waits for one of another shape. */
function waiting(signal: Shape, size: readonly number[]): Case {
  const g = new TestGraph()
  const y = g.b.after(g.b.mul(g.input('x', [batch, tokens, 6]), 2), g.b.exp(g.input('signal', signal)))
  return { ...g.finish({ y }), inputs: { x: noise([2, 5, 6]), signal: noise(size, 2) } }
}

/** What is made of one whole number per example. */
function labels(make: (g: TestGraph, label: Value) => Value): Case {
  const g = new TestGraph()
  const y = make(g, g.input('label', [batch], 'int64'))
  const inputs = { label: { shape: [3], data: Float64Array.of(3, 0, 2) } }
  return { ...g.finish({ y }), inputs }
}

export const cases: Readonly<Record<OpName, readonly Case[]>> = {
  abs: unary('abs'),
  add: binary('add'),
  after: [
    waiting([batch, 3], [2, 3]),
    waiting([], []),
    waiting([tokens, 1, batch], [5, 1, 2]),
    labels((g, x) => g.b.toFloat(g.b.after(x, g.b.toFloat(x)))),
  ],
  attention: [attention(false), attention(true)],
  broadcast: [
    one([1, 3], (g, x) => g.b.broadcast(x, { shape: [batch, 4, 3] })),
    one([3], (g) => g.b.broadcast(g.b.tensor(noise([3])), { shape: [batch, 3] })),
    tokensCase((g, x) => g.b.broadcast(g.b.slice(x, { axis: 2, start: 0, end: 1 }), { shape: [2, batch, tokens, 3] })),
  ],
  concat: [one([3, 4], (g, x) => g.b.concat(x, g.b.mul(x, 2), { axis: 1 }))],
  constant: [one([3], (g, x) => g.b.add(x, g.b.tensor(noise([3], 5))))],
  conv: [
    ...convolved((g, { x, weight, attributes }) => g.b.conv(x(), weight(), undefined, attributes)),
    one([3, 8, 8], (g, x) =>
      g.b.conv(x, g.parameter('conv.weight', noise([4, 3, 3, 3])), g.parameter('conv.bias', noise([4])), {
        stride: 1,
        padding: 1,
      }),
    ),
  ],
  convInputGradient: convolved((g, { dy, givenWeight, attributes, space }) =>
    g.b.convInputGradient(dy(), givenWeight(), { ...attributes, space }),
  ),
  convWeightGradient: convolved((g, { x, dy, attributes, kernel }) =>
    g.b.convWeightGradient(x(), dy(), { ...attributes, kernel }),
  ),
  cos: unary('cos'),
  div: binary('div'),
  dropout: [one([3], (g, x) => g.b.dropout(x, { rate: 0.5 }))],
  equal: [one([3], (g, x) => g.b.where(g.b.equal(x, g.b.relu(x)), 1, 0))],
  erf: unary('erf'),
  exp: unary('exp'),
  gather: [labels((g, x) => g.b.gather(g.b.tensor(noise([4])), x))],
  gelu: unary('gelu'),
  groupNorm: [
    one([8, 4, 4], (g, x) =>
      g.b.groupNorm(x, g.parameter('norm.weight', noise([8])), g.parameter('norm.bias', noise([8], 2)), {
        groups: 4,
        epsilon: 1e-5,
      }),
    ),
    tokensCase((g, x) =>
      g.b.groupNorm(
        g.b.transpose(x, { permutation: [0, 2, 1] }),
        g.parameter('norm.weight', noise([8])),
        g.parameter('norm.bias', noise([8], 2)),
        { groups: 2, epsilon: 1e-5 },
      ),
    ),
  ],
  input: [one([3], (_, x) => x)],
  layerNorm: [
    tokensCase((g, x) =>
      g.b.layerNorm(x, g.parameter('norm.weight', noise([8])), g.parameter('norm.bias', noise([8], 2)), {
        epsilon: 1e-5,
      }),
    ),
    one([8], (g, x) => g.b.layerNorm(x, undefined, undefined, { epsilon: 1e-5 })),
  ],
  linear: [
    one([4], (g, x) =>
      g.b.linear(x, g.parameter('linear.weight', noise([6, 4])), g.parameter('linear.bias', noise([6]))),
    ),
    tokensCase((g, x) =>
      g.b.linear(x, g.parameter('linear.weight', noise([6, 8])), g.parameter('linear.bias', noise([6]))),
    ),
    tokensCase((g, x) => g.b.linear(x, g.parameter('linear.weight', noise([6, 8])), undefined)),
  ],
  log: [one([3, 5], (g, x) => g.b.log(x), positive([2, 3, 5]))],
  matmul: [
    one([3, 4, 5], (g, x) => g.b.matmul(x, g.b.transpose(x, { permutation: [0, 1, 3, 2] }))),
    one([4, 5], (g, x) => g.b.matmul(x, g.parameter('matrix', noise([5, 3])))),
  ],
  maximum: binary('maximum'),
  mean: [
    one([3, 4, 5], (g, x) => g.b.mean(x, { axes: [1, 3], keep: true })),
    one([3, 4], (g, x) => g.b.mean(x, { axes: [0, 1, 2], keep: false })),
    one([3], (g, x) => g.b.mean(x, { axes: [], keep: false })),
  ],
  minimum: binary('minimum'),
  mul: binary('mul'),
  negate: unary('negate'),
  oneHot: [labels((g, x) => g.b.oneHot(x, { depth: 4 }))],
  pad: [
    one([3, 4], (g, x) => g.b.pad(x, { axis: 1, before: 0, to: 6 })),
    one([3, 4], (g, x) => g.b.pad(x, { axis: 1, before: 2, to: 6 })),
    one([3, 4], (g, x) => g.b.pad(x, { axis: 2, before: 1, to: 5 })),
    one([3], (g, x) => g.b.pad(x, { axis: 0, before: 0, to: { coefficient: 3, symbols: ['batch'] } })),
    tokensCase((g, x) => g.b.pad(x, { axis: 1, before: 0, to: 9 })),
    tokensCase((g, x) => g.b.pad(x, { axis: 2, before: 3, to: 11 })),
    tokensCase((g, x) => g.b.pad(g.b.slice(x, { axis: 2, start: 0, end: 3 }), { axis: 2, before: 0, to: tokens })),
    tokensCase((g, x) => g.b.pad(g.b.slice(x, { axis: 2, start: 0, end: 3 }), { axis: 2, before: 1, to: tokens })),
  ],
  parameter: [one([3], (g, x) => g.b.add(x, g.parameter('shift', noise([3], 4))))],
  quantile: [0.995, 0.5, 0.1, 1].map((q) => one([40], (g, x) => g.b.quantile(x, { q }))),
  relu: unary('relu'),
  reshape: [
    one([6, 4], (g, x) => g.b.reshape(x, { shape: [batch, 3, 8] })),
    tokensCase((g, x) => g.b.reshape(x, { shape: [batch, tokens, 2, 4] })),
    tokensCase((g, x) => g.b.reshape(x, { shape: [{ coefficient: 1, symbols: ['batch', 'tokens'] }, 8] })),
    tokensCase((g, x) => {
      const flat = g.b.reshape(x, { shape: [{ coefficient: 2, symbols: ['batch', 'tokens'] }, 4] })
      return g.b.reshape(flat, { shape: [2, tokens, batch, 4] })
    }),
  ],
  reverse: [
    one([3, 4], (g, x) => g.b.reverse(x, { axes: [2] })),
    one([3, 4, 5], (g, x) => g.b.reverse(x, { axes: [2, 3] })),
    one([3, 4], (g) => g.b.reverse(g.parameter('kernel', noise([4, 3, 1, 3])), { axes: [2, 3] })),
    tokensCase((g, x) => g.b.reverse(x, { axes: [2] })),
  ],
  sigmoid: unary('sigmoid'),
  silu: unary('silu'),
  sin: unary('sin'),
  slice: [
    one([6, 4], (g, x) => g.b.slice(x, { axis: 1, start: 2, end: 5 })),
    one([4], (g, x) => g.b.slice(g.b.concat(x, x, { axis: 0 }), { axis: 0, start: 0, end: batch })),
  ],
  softmax: [one([3, 5], (g, x) => g.b.softmax(x))],
  sqrt: [one([3, 5], (g, x) => g.b.sqrt(x), positive([2, 3, 5]))],
  standardise: [
    tokensCase((g, x) => g.b.standardise(x, { epsilon: 1e-5 })),
    one([4, 12], (g, x) => g.b.standardise(x, { epsilon: 1e-5 })),
    one([2, 3, 7], (g, x) => g.b.standardise(x, { epsilon: 0.5 })),
    tokensCase((g, x) => g.b.standardise(g.b.transpose(x, { permutation: [0, 2, 1] }), { epsilon: 1e-5 })),
  ],
  sub: binary('sub'),
  sum: [
    one([3, 4, 5], (g, x) => g.b.sum(x, { axes: [2], keep: false })),
    one([3, 4], (g, x) => g.b.sum(x, { axes: [0, 1, 2], keep: true })),
  ],
  tanh: unary('tanh'),
  tileSum: [
    one([3, 4, 6], (g, x) => g.b.tileSum(x, { factor: 2 })),
    one([3, 6], (g, x) => g.b.tileSum(x, { factor: 3 })),
    one([3, 4, 4], (g, x) => g.b.tileSum(x, { factor: 1 })),
  ],
  toFloat: [labels((g, x) => g.b.toFloat(x))],
  transpose: [one([3, 4, 5], (g, x) => g.b.transpose(x, { permutation: [0, 3, 1, 2] }))],
  upsample: [
    one([3, 4, 5], (g, x) => g.b.upsample(x, { factor: 2 })),
    one([3, 4], (g, x) => g.b.upsample(x, { factor: 3 })),
  ],
  where: [two((g, a, b) => g.b.where(g.b.equal(a, g.b.relu(a)), a, b))],
}
