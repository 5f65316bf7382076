/** No pass changes what a graph computes, nor leaves an invalid graph: on random graphs. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Graph } from '../../compiler/ir/graph.js'
import { verify } from '../../compiler/ir/verify.js'
import { ops, opOf, type OpName } from '../../compiler/ops/index.js'
import { drawDropout } from '../../compiler/passes/draw_dropout.js'
import { decomposeOps } from '../../compiler/passes/decompose.js'
import { eliminateDead } from '../../compiler/passes/eliminate_dead.js'
import { inference, passes, training } from '../../compiler/passes/index.js'
import { stages, type Pass } from '../../compiler/passes/pass.js'
import { expectClose } from '../ops/tensors.js'
import { differentiated, outputsOf, randomGraph } from './graphs.js'

async function expectSameOutputs(before: Graph, after: Graph, tolerance: number): Promise<void> {
  const [expected, actual] = [await outputsOf(before), await outputsOf(after)]
  expect(Object.keys(actual)).toEqual(Object.keys(expected))
  for (const [name, tensor] of Object.entries(expected)) expectClose(actual[name], tensor, tolerance)
}

function isOpName(name: string): name is OpName {
  return name in ops
}

const decomposable = Object.keys(ops).filter((name): name is OpName => isOpName(name) && !!opOf(name).decompose)

async function expectMeaningKept(pass: Pass, tolerance: number): Promise<void> {
  const property = fc.asyncProperty(randomGraph, async (graph) => {
    const after = pass.run(graph)
    expect(verify(after)).toEqual([])
    await expectSameOutputs(graph, after, tolerance)
  })
  await fc.assert(property, { numRuns: 400, seed: 1 })
}

describe('each pass keeps every bit of the outputs', () => {
  it.each(passes)('$name', (pass) => expectMeaningKept(pass, 0))
})

it('decompose keeps the outputs to rounding', () => expectMeaningKept(decomposeOps(decomposable), 1e-5))

it('the pipeline for inference keeps every bit of the outputs, and only ever removes work', async () => {
  const working = (graph: Graph) => graph.nodes.filter(({ op }) => op !== 'constant').length
  const property = fc.asyncProperty(randomGraph, async (graph) => {
    for (const { graph: after } of stages(inference, graph)) expect(verify(after)).toEqual([])
    const after = inference.run(graph)
    await expectSameOutputs(graph, after, 0)
    expect(working(after)).toBeLessThanOrEqual(working(eliminateDead.run(graph)))
  })
  await fc.assert(property, { numRuns: 400, seed: 2 })
})

it.each([
  ['of a graph', (graph: Graph) => drawDropout.run(graph)],
  ['of a graph and its gradients', (graph: Graph) => differentiated(graph)],
])(
  'the pipeline for training keeps the outputs %s: to rounding what it takes apart, else every bit',
  async (_, make) => {
    const property = fc.asyncProperty(randomGraph, async (graph) => {
      let before = make(graph)
      for (const { pass, graph: after } of stages(training, before)) {
        expect(verify(after)).toEqual([])
        await expectSameOutputs(before, after, pass.name === 'decompose' ? 1e-5 : 0)
        before = after
      }
    })
    await fc.assert(property, { numRuns: 300, seed: 3 })
  },
)
