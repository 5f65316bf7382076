/** Computing a part of the forward pass a second time: the same gradients, and less memory. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Engine } from '../../backends/engine.js'
import { onnx } from '../../backends/onnx/engine.js'
import { reference } from '../../backends/reference/engine.js'
import { bindingsFor } from '../../compiler/build/summary.js'
import { recomputeChoices } from '../../compiler/build/recomputation.js'
import { costOf } from '../../compiler/ir/cost.js'
import type { Graph } from '../../compiler/ir/graph.js'
import { assertValid } from '../../compiler/ir/verify.js'
import { buildTraining } from '../../compiler/training.js'
import { countOps } from '../passes/graphs.js'
import { smallModels } from '../random_models.js'
import { modelOf as modelFrom } from '../sampling/models.js'
import { modelOf, noReport } from '../shipped.js'
import { outputsOn, type Tensors } from './support.js'

const sizes = { batch: 2, tokens: 3 }

function largest(outputs: Tensors): number {
  let most = 0
  for (const { data } of Object.values(outputs)) data.forEach((value) => (most = Math.max(most, Math.abs(value))))
  return most
}

/** The largest difference of two runs, as a share of the largest number in one of them. */
function apart(a: Tensors, b: Tensors): number {
  let difference = 0
  for (const [name, { data }] of Object.entries(a))
    data.forEach((value, i) => (difference = Math.max(difference, Math.abs(value - (b[name]?.data[i] ?? NaN)))))
  return difference / largest(a)
}

describe('random small models have the same gradients, whatever is computed again', () => {
  it.each<[string, Engine, number, number]>([
    ['reference: every bit', reference, 0, 3],
    ['ONNX Runtime: to rounding', onnx, 1e-6, 2],
  ])('%s', async (_, engine, tolerance, numRuns) => {
    const property = fc.asyncProperty(smallModels, async (source) => {
      const model = modelFrom(source)
      const [kept, ...again] = recomputeChoices.map((recompute) => buildTraining(model, noReport, { recompute }))
      if (kept === undefined) throw new Error('nothing to compare with')
      const expected = await outputsOn(engine, kept, sizes)
      expect(largest(expected)).toBeLessThan(Infinity)
      for (const graph of again) {
        assertValid(graph, 'recomputation')
        expect(countOps(graph).after).toBeGreaterThan(0)
        const outputs = await outputsOn(engine, graph, sizes)
        if (tolerance === 0) expect(outputs).toEqual(expected)
        else expect(apart(expected, outputs)).toBeLessThan(tolerance)
      }
    })
    await fc.assert(property, { numRuns, seed: 6 })
  })
})

describe('memory', () => {
  const costs = (path: string, batch: number) => {
    const model = modelOf(path)
    const bindings = bindingsFor(model, batch, 32)
    const [none, block, level] = recomputeChoices.map((recompute) => {
      const { total } = costOf(buildTraining(model, noReport, { recompute }), bindings)
      return { peak: total.peakBytes / 2 ** 30, flops: total.flops }
    })
    if (none === undefined || block === undefined || level === undefined) throw new Error('three choices')
    return { none, block, level }
  }

  it.each([
    ['models/S64.mdm', 4, 2.9],
    ['models/S64S256.mdm', 4, 3],
  ])('%s needs less of it, for at most a third more work', (path, byBlock, byLevel) => {
    const { none, block, level } = costs(path, 16)
    expect(none.peak / block.peak).toBeGreaterThan(byBlock)
    expect(none.peak / level.peak).toBeGreaterThan(byLevel)
    for (const { flops } of [block, level]) {
      expect(flops).toBeGreaterThan(none.flops)
      expect(flops).toBeLessThan((4 / 3) * none.flops)
    }
  })
})

it('what is computed again waits for the gradients', () => {
  const graph: Graph = buildTraining(modelOf('examples/tiny.mdm'), noReport, { recompute: 'block' })
  const loss = graph.nodes.findIndex((node) =>
    graph.outputs.some(({ name, value }) => name === 'loss' && value === node),
  )
  const signals = graph.nodes.flatMap(({ op, inputs }) => (op === 'after' && inputs.signal ? [inputs.signal] : []))
  expect(signals.length).toBeGreaterThan(10)
  // A gradient holds each of them back, so something behind the loss.
  for (const signal of signals) expect(graph.nodes.indexOf(signal)).toBeGreaterThan(loss)
})
