/** Small graphs for tests of passes: by hand, and by chance from a recipe that fast-check can shrink. */
import fc from 'fast-check'
import type { ParameterValues } from '../../backends/engine.js'
import { reference } from '../../backends/reference/engine.js'
import { addGradients } from '../../compiler/build/gradients.js'
import type { SegmentOf } from '../../compiler/build/recomputation.js'
import { GraphBuilder } from '../../compiler/ir/builder.js'
import { evaluateShape, isSymbolic, symbol, type Shape } from '../../compiler/ir/dimension.js'
import type { Graph, Value } from '../../compiler/ir/graph.js'
import type { Parameter } from '../../compiler/ir/parameter.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import type { Builder } from '../../compiler/ops/index.js'
import { dropoutPrefix, drawDropout } from '../../compiler/passes/draw_dropout.js'
import { ShapeError } from '../../compiler/ops/op.js'
import { randn } from '../ops/tensors.js'

const batch = symbol('batch')

export function weight(name: string, shape: readonly number[]): Parameter {
  return { name, shape, initialiser: { kind: 'zeros' }, trainable: true }
}

/** A graph with the input `x`: [batch, 4] whose output `y` is what `build` makes of it. */
export function graphOf(build: (x: Value, b: Builder) => Value, shape: Shape = [batch, 4]): Graph {
  const builder = new GraphBuilder('test')
  const x = builder.input('x', { dataType: 'float32', shape })
  return builder.finish([{ name: 'y', value: build(x, builder.b) }], [])
}

/** How many nodes of each op a graph has. */
export function countOps(graph: Graph): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { op } of graph.nodes) counts[op] = (counts[op] ?? 0) + 1
  return counts
}

type Step = (pick: (n: number) => Value, b: Builder, number: number) => Value | undefined

/** A value whose first axis is a number of batches. */
function batches(x: Value, then: (x: Value, count: number) => Value): Value | undefined {
  const [first = 1] = x.type.shape
  return isSymbolic(first) ? then(x, first.coefficient) : undefined
}

/** Zeros around an axis of fixed size: whether one known only at run time fits shows no earlier. */
function padded(x: Value, axis: number, before: number, b: Builder): Value | undefined {
  return isSymbolic(x.type.shape[axis] ?? 1) ? undefined : b.pad(x, { axis, before, to: 4 })
}

/** What a random graph may do next. Steps whose operands do not fit are left out. */
const steps: readonly Step[] = [
  (pick, b) => b.add(pick(0), pick(1)),
  (pick, b) => b.sub(pick(0), pick(1)),
  (pick, b) => b.mul(pick(0), pick(1)),
  (pick, b) => b.maximum(pick(0), pick(1)),
  (pick, b, number) => b.add(pick(0), number),
  (pick, b, number) => b.sub(pick(0), number),
  (pick, b, number) => b.mul(number, pick(0)),
  (pick, b, number) => b.div(pick(0), number === 0 ? 1 : number),
  (pick, b) => b.negate(pick(0)),
  (pick, b) => b.silu(pick(0)),
  (pick, b) => b.tanh(pick(0)),
  (pick, b) => b.where(b.equal(pick(0), pick(1)), pick(2), pick(0)),
  (pick, b) => b.reshape(pick(0), { shape: [batch, 2, 2] }),
  (pick, b) => b.reshape(pick(0), { shape: [batch, 4] }),
  (pick, b) => b.transpose(pick(0), { permutation: [0, 2, 1] }),
  (pick, b) => b.transpose(pick(0), { permutation: [1, 0] }),
  (pick, b) => b.transpose(pick(0), { permutation: [2, 0, 1] }),
  (pick, b) => b.transpose(pick(0), { permutation: [0, 2, 1] }),
  (pick, b) => b.slice(pick(0), { axis: 1, start: 0, end: 4 }),
  (pick, b) => b.slice(pick(0), { axis: 1, start: 0, end: 2 }),
  (pick, b) => b.slice(pick(0), { axis: 1, start: 2, end: 4 }),
  (pick, b) => b.slice(pick(0), { axis: 1, start: 1, end: 2 }),
  (pick, b) => b.concat(pick(0), pick(1), { axis: 1 }),
  (pick, b) => b.concat(pick(0), pick(1), { axis: 0 }),
  (pick, b) => batches(pick(0), (x) => b.slice(x, { axis: 0, start: 0, end: batch })),
  (pick, b) =>
    batches(pick(0), (x, count) => b.pad(x, { axis: 0, before: 0, to: { ...batch, coefficient: count + 1 } })),
  (pick, b) => padded(pick(0), 1, 0, b),
  (pick, b) => padded(pick(0), 1, 1, b),
  (pick, b) => padded(pick(0), 1, 2, b),
  (pick, b) => padded(pick(0), 2, 1, b),
  (pick, b) => b.reverse(pick(0), { axes: [1] }),
  (pick, b) => b.after(pick(0), pick(1)),
  (pick, b) => b.upsample(pick(0), { factor: 2 }),
  (pick, b) => b.tileSum(pick(0), { factor: 2 }),
  (pick, b) => b.standardise(pick(0), { epsilon: 0.1 }),
  (pick, b) => b.layerNorm(pick(0), undefined, undefined, { epsilon: 0.1 }),
  (pick, b) => b.broadcast(pick(0), { shape: [batch, 4] }),
  (pick, b) => b.broadcast(pick(0), { shape: [batch, 2, 4] }),
  (pick, b) => b.sum(pick(0), { axes: [1], keep: true }),
  (pick, b) => b.mean(pick(0), { axes: [], keep: false }),
  (pick, b) => b.dropout(pick(0), { rate: 0.5 }),
  (pick, b) => b.dropout(pick(0), { rate: 0 }),
  (pick, b) => b.softmax(pick(0)),
  (pick, b) => b.linear(pick(0), pick(1), undefined),
  (_, b) => b.tensor({ shape: [1, 4], data: Float32Array.of(1, -2, 0.5, 3) }),
  (_, b, number) => b.broadcast(b.scalar(number), { shape: [2, 4] }),
  (_, b) => b.parameter({ parameter: weight('layer.weight', [4, 4]) }),
]

const recipe = fc.array(
  fc.record({
    step: fc.nat(steps.length - 1),
    operands: fc.tuple(fc.nat(3), fc.nat(3), fc.nat(6)),
    number: fc.constantFrom(0, 1, 2, -1, 0.5, 3, 0.1),
  }),
  { minLength: 1, maxLength: 30 },
)

/** Graphs on two inputs of [batch, 4]; the last two values are the outputs. */
export const randomGraph: fc.Arbitrary<Graph> = recipe.map((lines) => {
  const builder = new GraphBuilder('random')
  const type = { dataType: 'float32', shape: [batch, 4] } as const
  const values = [builder.input('x', type), builder.input('z', type)]
  for (const { step, operands, number } of lines) {
    // Recent values first, so that chains arise.
    const pick = (n: number) => {
      const back = (operands[n] ?? 0) % values.length
      return values[values.length - 1 - back] ?? builder.b.scalar(number)
    }
    try {
      const value = steps[step]?.(pick, builder.b, number)
      if (value !== undefined) values.push(value)
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error
    }
  }
  const outputs = values.slice(-2).map((value, i) => ({ name: `out${i}`, value }))
  return builder.finish(outputs, [weight('layer.weight', [4, 4]), weight('layer.unread', [3])])
})

/** A graph with drawn dropout and the gradients of its outputs' sum, as the ops give them: no pass has seen them. */
export function differentiated(graph: Graph, segmentOf?: SegmentOf): Graph {
  const drawn = drawDropout.run(graph)
  const builder = GraphBuilder.extend(drawn)
  const { b } = builder
  const seeds = drawn.outputs.map(({ value }) => ({ value, gradient: b.broadcast(1, { shape: value.type.shape }) }))
  const real = ({ op, type }: Value) => (op === 'input' || op === 'parameter') && type.dataType === 'float32'
  const found = addGradients(builder, drawn.nodes, seeds, new Set(drawn.nodes.filter(real)), segmentOf)
  const gradients = Array.from(found.values(), (value, i) => ({ name: `gradient${i}`, value }))
  return builder.finish([...drawn.outputs, ...gradients], drawn.parameters)
}

const weights: ParameterValues = { read: () => Promise.resolve(Float32Array.from(randn([16]).data)) }

/** Normal numbers; for dropout, numbers from 0 to 1. */
function drawn(name: string, shape: readonly number[], seed: number): Tensor {
  const values = randn(shape, seed)
  return name.startsWith(dropoutPrefix) ? { shape, data: values.data.map((value) => Math.abs(value) % 1) } : values
}

/** The outputs on the reference engine for a batch of 3 and inputs by chance. */
export async function outputsOf(graph: Graph): Promise<Readonly<Record<string, Tensor>>> {
  const session = await reference.prepare(graph, weights, { device: 'cpu' })
  const inputs = graph.inputs.map(
    ({ name, value }, i) => [name, drawn(name, evaluateShape(value.type.shape, { batch: 3 }), i + 1)] as const,
  )
  return session.run(Object.fromEntries(inputs))
}

/** A residual network of `blocks` blocks of 25 nodes, for measuring. */
export function largeGraph(blocks: number): Graph {
  const builder = new GraphBuilder('large')
  const { b } = builder
  const root = builder.origin.module
  const parameters: Parameter[] = []
  const read = (name: string, shape: readonly number[]) => {
    const parameter = weight(name, shape)
    parameters.push(parameter)
    return b.parameter({ parameter })
  }
  let x = builder.input('x', { dataType: 'float32', shape: [batch, 32, 16, 16] })
  const embedding = builder.input('embedding', { dataType: 'float32', shape: [batch, 64] })
  for (let i = 0; i < blocks; i++) {
    const path = `blocks.${i}`
    builder.origin = { module: { path, kind: 'residual', parent: root } }
    const affine = () => ({
      scale: read(`${path}.norm${parameters.length}.weight`, [32]),
      bias: read(`${path}.norm${parameters.length}.bias`, [32]),
    })
    const first = affine()
    const h = b.silu(b.groupNorm(x, first.scale, first.bias, { groups: 8, epsilon: 1e-5 }))
    const kernel = read(`${path}.conv1.weight`, [32, 32, 3, 3])
    const convolved = b.conv(h, kernel, undefined, { stride: 1, padding: 1 })
    const time = b.linear(b.silu(embedding), read(`${path}.time.weight`, [64, 64]), undefined)
    const shaped = b.reshape(time, { shape: [batch, 64, 1, 1] })
    const [scale, shift] = [
      b.slice(shaped, { axis: 1, start: 0, end: 32 }),
      b.slice(shaped, { axis: 1, start: 32, end: 64 }),
    ]
    const second = affine()
    const normal = b.groupNorm(convolved, second.scale, second.bias, { groups: 8, epsilon: 1e-5 })
    const modulated = b.add(b.mul(normal, b.add(scale, 1)), shift)
    const out = b.conv(
      b.dropout(b.silu(modulated), { rate: 0.1 }),
      read(`${path}.conv2.weight`, [32, 32, 3, 3]),
      undefined,
      { stride: 1, padding: 1 },
    )
    x = b.add(x, b.mul(out, 1))
  }
  return builder.finish([{ name: 'y', value: x }], parameters)
}
