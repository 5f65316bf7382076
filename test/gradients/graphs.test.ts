/** Gradients of graphs: which there are, what they sum up, where they stop, and what is left of them. */
import { describe, expect, it } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import { GraphBuilder } from '../../compiler/ir/builder.js'
import { symbol, type Shape } from '../../compiler/ir/dimension.js'
import type { Graph, Value } from '../../compiler/ir/graph.js'
import type { Parameter } from '../../compiler/ir/parameter.js'
import { floats, type Tensor } from '../../compiler/ir/tensor.js'
import type { Builder } from '../../compiler/ops/index.js'
import { eliminateDead } from '../../compiler/passes/eliminate_dead.js'
import { gradientName, withGradients } from '../../compiler/training.js'
import { evaluate, noise, runOn, TestGraph } from '../onnx/support.js'
import { expectGradient, withInputGradients } from '../ops/gradients.js'
import { expectClose } from '../ops/tensors.js'
import { countOps, graphOf, weight } from '../passes/graphs.js'

const [batch, tokens] = [symbol('batch'), symbol('tokens')]

/** The graph with the gradients of the sum of its outputs. */
function ofSum(graph: Graph, inputs: readonly string[] = [], frozen: (parameter: Parameter) => boolean = () => false) {
  const builder = GraphBuilder.extend(graph)
  const ones = graph.outputs.map(({ value }) => builder.b.broadcast(1, { shape: value.type.shape }))
  const seeded = builder.finish(graph.outputs, graph.parameters)
  const seeds = ({ outputs }: Graph) => outputs.map(({ value }, i) => ({ value, gradient: ones[i] ?? value }))
  return withGradients(seeded, seeds, { frozen }, inputs)
}

function gradientsIn(graph: Graph): string[] {
  return graph.outputs.map(({ name }) => name).filter((name) => name.startsWith(gradientName('')))
}

describe('parameters', () => {
  const read = (
    build: (b: Builder, x: Value, of: (parameter: Parameter) => Value) => Value,
    ...parameters: Parameter[]
  ) => {
    const builder = new GraphBuilder('parameters')
    const x = builder.input('x', { dataType: 'float32', shape: [batch, 2] })
    const y = build(builder.b, x, (parameter) => builder.b.parameter({ parameter }))
    return builder.finish([{ name: 'y', value: y }], parameters)
  }
  const [a, c] = [weight('a', [2]), weight('c', [2])]
  const values: Readonly<Record<string, readonly number[]>> = { a: [2, 3], c: [5, 7] }
  const run = (graph: Graph, x: Tensor) =>
    evaluate({ graph, weights: { read: (name) => Promise.resolve(Float32Array.from(values[name] ?? [])) } }, { x })

  it('that are read twice have one gradient, the sum of both', async () => {
    const graph = ofSum(read((b, x, of) => b.add(b.mul(x, of(a)), b.mul(of(a), of(a))), a))
    expect(gradientsIn(graph)).toEqual(['gradient.a'])
    const outputs = await run(graph, floats([3, 2], [1, 2, 3, 4, 5, 6]))
    expect(outputs['gradient.a']).toEqual(floats([2], [9 + 2 * 2 * 3, 12 + 2 * 3 * 3]))
  })
  it('without a way to the result have none', () => {
    const [unread, compared] = [weight('unread', [4]), weight('compared', [2])]
    const build = (b: Builder, x: Value, of: (parameter: Parameter) => Value) => {
      b.mul(x, of(c))
      return b.where(b.equal(x, of(compared)), b.mul(x, of(a)), 0)
    }
    expect(gradientsIn(ofSum(read(build, unread, compared, c, a)))).toEqual(['gradient.a'])
  })
  it('that are only stored or frozen have none', () => {
    const stored: Parameter = { ...weight('stored', [2]), trainable: false }
    const build = (b: Builder, x: Value, of: (parameter: Parameter) => Value) =>
      b.mul(b.mul(b.add(x, of(stored)), of(a)), of(c))
    const graph = read(build, stored, a, c)
    expect(gradientsIn(ofSum(graph))).toEqual(['gradient.a', 'gradient.c'])
    expect(gradientsIn(ofSum(graph, [], ({ name }) => name === 'a'))).toEqual(['gradient.c'])
    expect(gradientsIn(ofSum(graph, [], () => true))).toEqual([])
  })
  it('that are frozen cost nothing', () => {
    const deep = (b: Builder, x: Value, of: (parameter: Parameter) => Value) => b.mul(b.exp(b.mul(x, of(a))), of(c))
    const [all, one] = [ofSum(read(deep, a, c)), ofSum(read(deep, a, c), [], ({ name }) => name === 'a')]
    expect(countOps(one).mul).toBeLessThan(countOps(all).mul ?? 0)
  })
})

type Inputs = readonly [x: readonly number[], y: readonly number[]]
type Make = (b: Builder, x: Value, y: Value) => Value

describe('sizes that are known only when the graph runs', () => {
  const twice = { ...tokens, coefficient: 2 }
  const cases: readonly (readonly [title: string, x: Shape, y: Shape, sizes: Inputs, make: Make])[] = [
    ['a row for all tokens', [batch, tokens, 3], [3], [[2, 5, 3], [3]], (b, x, y) => b.mul(x, y)],
    [
      'a number for each token',
      [batch, tokens, 3],
      [tokens, 1],
      [
        [2, 5, 3],
        [5, 1],
      ],
      (b, x, y) => b.mul(x, y),
    ],
    [
      'both sides stretched',
      [batch, 1, 3],
      [tokens, 1],
      [
        [2, 1, 3],
        [5, 1],
      ],
      (b, x, y) => b.div(x, b.exp(y)),
    ],
    [
      'one row for a batch of one',
      [batch, tokens],
      [1, tokens],
      [
        [1, 4],
        [1, 4],
      ],
      (b, x, y) => b.mul(x, b.exp(y)),
    ],
    [
      'one number for all',
      [],
      [batch, tokens],
      [[], [2, 3]],
      (b, x, y) => b.mul(b.broadcast(b.exp(x), { shape: [batch, tokens] }), y),
    ],
    [
      'means over tokens',
      [batch, tokens, 3],
      [batch, 3],
      [
        [2, 5, 3],
        [2, 3],
      ],
      (b, x, y) => b.mul(b.mean(b.exp(x), { axes: [1], keep: false }), y),
    ],
    [
      'means over all',
      [batch, tokens, 3],
      [],
      [[2, 5, 3], []],
      (b, x, y) => b.mul(b.mean(b.exp(x), { axes: [0, 1, 2], keep: false }), y),
    ],
    [
      'one matrix for all',
      [batch, 2, tokens, 3],
      [3, 4],
      [
        [2, 2, 5, 3],
        [3, 4],
      ],
      (b, x, y) => b.matmul(x, y),
    ],
    [
      'matrices for a batch',
      [2, 3, tokens],
      [batch, 2, tokens, 3],
      [
        [2, 3, 5],
        [4, 2, 5, 3],
      ],
      (b, x, y) => b.matmul(x, y),
    ],
    [
      'layers over tokens',
      [batch, tokens, 3],
      [4, 3],
      [
        [2, 5, 3],
        [4, 3],
      ],
      (b, x, y) => b.linear(x, y, undefined),
    ],
    [
      'groups of tokens',
      [batch, 4, tokens],
      [4],
      [[2, 4, 5], [4]],
      (b, x, y) => b.groupNorm(x, y, y, { groups: 2, epsilon: 1e-5 }),
    ],
    [
      'tokens joined with tokens',
      [batch, tokens, 2],
      [batch, twice, 2],
      [
        [2, 3, 2],
        [2, 6, 2],
      ],
      (b, x, y) => b.mul(b.concat(x, y, { axis: 1 }), b.concat(y, x, { axis: 1 })),
    ],
  ]
  it.each(cases)('%s', async (_, xShape, yShape, [x, y], make) => {
    const g = new TestGraph()
    const { graph, weights } = g.finish({ result: make(g.b, g.input('x', xShape), g.input('y', yShape)) })
    const given = { x: noise(x), y: noise(y, 2) }
    const run = async (inputs: Readonly<Record<string, Tensor>>) => (await evaluate({ graph, weights }, inputs)).result
    const seed = noise((await run(given))?.shape ?? [], 3)
    const network = { graph: withInputGradients(graph), weights }
    const outputs = await evaluate(network, { ...given, seed })
    for (const name of ['x', 'y']) await expectGradient(run, given, name, seed, outputs[gradientName(name)])
    const found = await runOn(onnx, 'cpu', network, { ...given, seed })
    for (const [name, tensor] of Object.entries(outputs)) expectClose(found[name], tensor, 1e-5)
  })
})

describe('where an op has no derivative', () => {
  const slopes = async (make: (x: Value, b: Builder) => Value, x: readonly number[]) => {
    const graph = ofSum(graphOf(make, [x.length]), ['x'])
    const outputs = await evaluate(
      { graph, weights: { read: () => Promise.reject(new Error('none')) } },
      { x: floats([x.length], x) },
    )
    return Array.from(outputs['gradient.x']?.data ?? [])
  }
  it('the slope is 0 in the corner of relu and abs', async () => {
    expect(await slopes((x, b) => b.relu(x), [-1, 0, 2])).toEqual([0, 0, 1])
    expect(await slopes((x, b) => b.abs(x), [-1, 0, 2])).toEqual([-1, 0, 1])
  })
  it('equal sides of a maximum or a minimum have half of it each', async () => {
    expect(await slopes((x, b) => b.maximum(x, 1), [0, 1, 2])).toEqual([0, 0.5, 1])
    expect(await slopes((x, b) => b.minimum(x, 1), [0, 1, 2])).toEqual([1, 0.5, 0])
    expect(await slopes((x, b) => b.maximum(x, x), [0, 1, 2])).toEqual([1, 1, 1])
  })
  it('steps have none, and end the way', () => {
    expect(
      gradientsIn(
        ofSum(
          graphOf((x, b) => b.where(b.equal(x, b.exp(x)), 1, 0)),
          ['x'],
        ),
      ),
    ).toEqual([])
  })
})

describe('what is left of a gradient', () => {
  const left = (make: (x: Value, b: Builder) => Value, shape: Shape) => {
    const graph = ofSum(graphOf(make, shape), ['x'])
    return countOps({ ...graph, ...onlyGradient(graph) })
  }
  /** The part of a graph that its gradient is made of. */
  const onlyGradient = (graph: Graph) => eliminateDead.run({ ...graph, outputs: graph.outputs.slice(1) })

  it('three parts of a tensor give it back as one, with no zeros in between', () => {
    const make = (x: Value, b: Builder) => {
      const part = (i: number) => b.slice(x, { axis: 1, start: 2 * i, end: 2 * i + 2 })
      return b.mul(b.mul(b.exp(part(0)), b.sin(part(1))), b.cos(part(2)))
    }
    const counts = left(make, [batch, 6])
    expect(counts.pad).toBeUndefined()
    // A concat joins two.
    expect(counts.concat).toBe(2)
  })
  it('queries, keys and values of one layer too', () => {
    const make = (x: Value, b: Builder) => {
      const part = (i: number) => b.slice(x, { axis: 1, start: 2 * i, end: 2 * i + 2 })
      return b.attention(part(0), part(1), part(2), undefined)
    }
    const counts = left(make, [batch, 6, 5, 4])
    expect(counts.pad).toBeUndefined()
    expect(counts.concat).toBe(2)
  })
  it('a part of a tensor is padded once, on both sides', () => {
    expect(
      left(
        (x, b) => b.exp(b.slice(b.slice(x, { axis: 1, start: 1, end: 5 }), { axis: 1, start: 1, end: 3 })),
        [batch, 6],
      ),
    ).toMatchObject({ pad: 1, exp: 1 })
  })
  it('what was repeated is summed, and nothing else', () => {
    expect(left((x, b) => b.broadcast(x, { shape: [batch, 5, 4] }), [batch, 1, 4])).toMatchObject({ sum: 1 })
    expect(left((x, b) => b.add(x, 1), [batch, 4]).sum).toBeUndefined()
  })
  it('reads the parts that the forward pass has made already', () => {
    const graph = ofSum(
      graphOf((x, b) => b.softmax(x)),
      ['x'],
    )
    expect(countOps(graph).softmax).toBe(1)
    expect(
      countOps(
        ofSum(
          graphOf((x, b) => b.silu(x)),
          ['x'],
        ),
      ).sigmoid,
    ).toBe(1)
    expect(
      countOps(
        ofSum(
          graphOf((x, b) => b.layerNorm(x, undefined, undefined, { epsilon: 1e-5 })),
          ['x'],
        ),
      ).sqrt,
    ).toBe(1)
  })
})

it('a result that has no gradient is a fault of who asks for one', () => {
  const make = () => withInputGradients(graphOf((x, b) => b.quantile(x, { q: 0.5 })))
  expect(make).toThrow('quantile has no gradient: quantiles limit samples')
})
