/** Every model that comes with mdmc has a training graph: valid after each pass, with a gradient for all that learns. */
import { describe, expect, it } from 'vitest'
import { buildLoss } from '../../compiler/build/loss.js'
import { segmentsOf } from '../../compiler/build/recomputation.js'
import { assertValid } from '../../compiler/ir/verify.js'
import { training } from '../../compiler/passes/index.js'
import { stages } from '../../compiler/passes/pass.js'
import { buildTraining } from '../../compiler/training.js'
import { differentiated } from '../passes/graphs.js'
import { filesOf, modelsOf, noReport } from '../shipped.js'
import { trainedIn } from './support.js'

const models = [...filesOf('models'), ...filesOf('examples')].flatMap((path) =>
  modelsOf(path).map((model) => ({ path, name: model.name, model })),
)

describe('the training graph', () => {
  it.each(models)('of $path, $name', ({ model }) => {
    const graph = buildTraining(model, noReport)
    assertValid(graph, 'building it')
    expect(trainedIn(graph)).toEqual(graph.parameters.filter(({ trainable }) => trainable).map(({ name }) => name))
    expect(graph.outputs.slice(0, 2).map(({ name }) => name)).toEqual(['loss', 'losses'])
  })
  it.each(models)('of $path, $name, after each pass', ({ model }) => {
    const raw = differentiated(buildLoss(model, noReport, { mixedBatch: true }), segmentsOf('block'))
    assertValid(raw, 'adding gradients')
    for (const { pass, graph } of stages(training, raw)) assertValid(graph, pass.name)
  })
})
