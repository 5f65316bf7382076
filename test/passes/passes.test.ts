/** What the other passes achieve: node counts, and time on a large graph. */
import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../compiler/ir/builder.js'
import { symbol } from '../../compiler/ir/dimension.js'
import { constantOf } from '../../compiler/ir/graph.js'
import { floats } from '../../compiler/ir/tensor.js'
import { decomposeOps } from '../../compiler/passes/decompose.js'
import { eliminateDead } from '../../compiler/passes/eliminate_dead.js'
import { foldConstants } from '../../compiler/passes/fold_constants.js'
import { inference, passes, training } from '../../compiler/passes/index.js'
import { stages } from '../../compiler/passes/pass.js'
import { removeDropout } from '../../compiler/passes/remove_dropout.js'
import { share } from '../../compiler/passes/share.js'
import { cpuTime } from '../cpu_time.js'
import { countOps, graphOf, largeGraph, weight } from './graphs.js'

const batch = symbol('batch')

describe('fold-constants', () => {
  it('calculates what constants give, step by step', () => {
    const graph = graphOf((x, b) => b.mul(x, b.exp(b.mul(b.tensor(floats([4], [0, 1, 2, 3])), Math.log(2)))))
    const folded = eliminateDead.run(foldConstants.run(graph))
    expect(countOps(folded)).toEqual({ input: 1, constant: 1, mul: 1 })
    const powers = folded.nodes.flatMap((node) => constantOf(node) ?? [])
    powers[0]?.data.forEach((power, i) => expect(power).toBeCloseTo(2 ** i, 5))
  })
  it('does not blow up what is small', () => {
    const graph = graphOf((x, b) => b.add(b.broadcast(b.scalar(1), { shape: [1000, 1000, 4] }), x), [1000, 4])
    expect(countOps(foldConstants.run(graph))).toMatchObject({ broadcast: 1 })
  })
  it('leaves dropout to the run', () => {
    const graph = graphOf((x, b) => b.add(x, b.dropout(b.scalar(1), { rate: 0.5 })))
    expect(countOps(foldConstants.run(graph))).toMatchObject({ dropout: 1 })
  })
})

describe('share', () => {
  it('makes equal nodes one, along whole chains', () => {
    const graph = graphOf((x, b) => b.add(b.silu(b.mul(x, 2)), b.silu(b.mul(x, 2))))
    expect(countOps(share.run(graph))).toEqual({ input: 1, constant: 1, mul: 1, silu: 1, add: 1 })
  })
  it('reads a parameter once', () => {
    const builder = new GraphBuilder('tied')
    const table = weight('table', [4, 4])
    const x = builder.input('x', { dataType: 'float32', shape: [batch, 4] })
    const read = () => builder.b.parameter({ parameter: table })
    const y = builder.b.linear(builder.b.linear(x, read(), undefined), read(), undefined)
    expect(countOps(share.run(builder.finish([{ name: 'y', value: y }], [table])))).toMatchObject({
      parameter: 1,
      linear: 2,
    })
  })
  it('keeps apart what differs in attributes, bits, or chance', () => {
    const graph = graphOf((x, b) => {
      const slices = b.add(b.slice(x, { axis: 1, start: 0, end: 2 }), b.slice(x, { axis: 1, start: 2, end: 4 }))
      const zeros = b.add(b.div(slices, 0), b.div(slices, -0))
      return b.add(b.dropout(zeros, { rate: 0.5 }), b.dropout(zeros, { rate: 0.5 }))
    })
    expect(countOps(share.run(graph))).toEqual({ ...countOps(graph) })
  })
})

describe('eliminate-dead', () => {
  it('drops unread nodes, but no input and no listed parameter', () => {
    const builder = new GraphBuilder('dead')
    const unread = weight('unread', [4])
    const x = builder.input('x', { dataType: 'float32', shape: [batch, 4] })
    builder.input('unused', { dataType: 'float32', shape: [batch] })
    builder.b.exp(builder.b.mul(x, builder.b.parameter({ parameter: unread })))
    const graph = eliminateDead.run(builder.finish([{ name: 'y', value: builder.b.silu(x) }], [unread]))
    expect(countOps(graph)).toEqual({ input: 2, silu: 1 })
    expect(graph.parameters).toEqual([unread])
  })
})

describe('decompose', () => {
  it('goes on with what it makes, and keeps the module', () => {
    const graph = graphOf((x, b) => b.attention(x, x, x, undefined), [batch, 2, 3, 4])
    const lowered = eliminateDead.run(decomposeOps(['attention', 'silu']).run(graph))
    expect(countOps(lowered)).toEqual({ input: 1, constant: 1, mul: 1, transpose: 1, matmul: 2, softmax: 1 })
    expect(new Set(lowered.nodes.map(({ module }) => module)).size).toBe(1)
  })
  it('calls an op without a simpler form a fault of its own', () => {
    expect(() => decomposeOps(['tanh']).run(graphOf((x, b) => b.tanh(x)))).toThrow('internal error')
  })
})

describe('pipelines', () => {
  it('name every pass once', () => {
    for (const { passes: used } of [inference, training]) {
      const names = used.map(({ name }) => name)
      expect(new Set(names).size).toBe(names.length)
    }
    expect(passes).toEqual(inference.passes)
  })
  it('can be shown pass by pass', () => {
    const shown = [...stages(inference, largeGraph(2))]
    expect(shown.map(({ pass }) => pass.name)).toEqual(inference.passes.map(({ name }) => name))
  })
  it('keep dropout for training only', () => {
    const trained = training.run(largeGraph(2))
    // What is dropped is an input of the graph, so that the same draws drop the same.
    expect(trained.inputs.map(({ name }) => name)).toEqual(['x', 'embedding', 'dropout.blocks.0', 'dropout.blocks.1'])
    expect(countOps(trained)).toMatchObject({ where: 2 })
    expect(countOps(trained).dropout).toBeUndefined()
    expect(countOps(inference.run(largeGraph(2))).dropout).toBeUndefined()
    expect(countOps(removeDropout.run(largeGraph(2))).dropout).toBeUndefined()
  })
  it('compute what blocks have in common once', () => {
    const counts = countOps(inference.run(largeGraph(10)))
    // One activation of the embedding for all blocks, two of each block's own; one mul by 1 gone from each.
    expect(counts).toMatchObject({ silu: 21, mul: 10, constant: 1 })
  })
  it('take time in proportion: 5,000 nodes well under 200 ms', () => {
    const graph = largeGraph(200)
    expect(graph.nodes.length).toBeGreaterThan(5000)
    inference.run(largeGraph(20))
    const times = Array.from({ length: 5 }, () => cpuTime(() => inference.run(graph)))
    expect(Math.min(...times)).toBeLessThan(200)
  })
})
