/** The examples run, and both engines make the same of them. */
import { describe, expect, it } from 'vitest'
import { onnx } from '../backends/onnx/engine.js'
import { reference } from '../backends/reference/engine.js'
import { evaluateShape } from '../compiler/ir/dimension.js'
import type { Graph } from '../compiler/ir/graph.js'
import type { Tensor } from '../compiler/ir/tensor.js'
import { ruleWeights } from '../runtime/weights/rule.js'
import { relativeError } from './cli/session.js'
import { noise, runOn } from './onnx/support.js'
import { filesOf, graphOf, modelsOf } from './shipped.js'

/** Two examples of everything; of three tokens of text, the last one of the second text is padding. */
function inputsOf(graph: Graph): Record<string, Tensor> {
  const given: Readonly<Record<string, Tensor['data']>> = {
    label: Float64Array.of(3, 7),
    times: Float32Array.of(731, 12),
    text_mask: Float32Array.of(1, 1, 1, 1, 1, 0),
  }
  const entries = graph.inputs.map(({ name, value: { type } }, i) => {
    const shape = evaluateShape(type.shape, { batch: 2, tokens: 3 })
    return [name, { shape, data: given[name] ?? noise(shape, i + 1).data }] as const
  })
  return Object.fromEntries(entries)
}

describe.each(filesOf('examples'))('%s', (path) => {
  const models = modelsOf(path).map((model) => ({ name: model.name, graph: graphOf(model) }))
  it.each(models)('$name', async ({ graph }) => {
    const network = { graph, weights: ruleWeights(graph.parameters) }
    const inputs = inputsOf(graph)
    const found = await runOn(onnx, 'cpu', network, inputs)
    const expected = await runOn(reference, 'cpu', network, inputs)
    expect(Object.keys(found)).toEqual(graph.outputs.map(({ name }) => name))
    for (const { name } of graph.outputs) {
      expect(Math.max(...(expected[name]?.data ?? []).map(Math.abs))).toBeGreaterThan(0.05)
      expect(relativeError(found[name], expected[name])).toBeLessThan(1e-5)
    }
  })
})
