/** Gradients against recorded digests. */
import { resolutionName } from '../../compiler/build/nest.js'
import { partsOf, type Model } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { GraphBuilder } from '../../compiler/ir/builder.js'
import type { Graph } from '../../compiler/ir/graph.js'
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'
import { drawDropout } from '../../compiler/passes/draw_dropout.js'
import { buildTraining, gradientName, withGradients } from '../../compiler/training.js'
import { ruleUniforms } from '../weights/rule.js'
import { type RecordedCase } from './case.js'
import { asObject } from '../json.js'
import { digestsIn, vanishingIn, type Figures } from './figures.js'
import { fromGrid, toGrid } from './grid.js'
import { lossInputs, recordedNames } from './loss.js'
import type { Comparison } from './network.js'

type Tensors = Readonly<Record<string, Tensor>>

/**
 * The gradients of a fixed scalar, the sum over resolutions of the inner product of the prediction with u of the name
 * `grad:x_SIDE`, with respect to every parameter and image.
 */
export function denoiserGradients(
  denoiser: Graph,
  model: Model,
  recorded: RecordedCase,
  inputsFrom: (figures: Figures) => Promise<Tensors>,
): Comparison {
  const drawn = drawDropout.run(denoiser)
  const builder = GraphBuilder.extend(drawn)
  const seeds = drawn.outputs.map(({ name, value }) => ({ value, gradient: builder.input(`seed_${name}`, value.type) }))
  const images = partsOf(model).map((part) => `x_${resolutionName(part)}`)
  const whole = builder.finish(drawn.outputs, drawn.parameters)
  const graph = withGradients(whole, () => seeds, {}, images)
  const names = recordedNames(model, recorded, 'x')
  return {
    graph,
    subject: { what: 'denoiser', model },
    trains: true,
    run: async (session, figures) => {
      const inputs = { ...(await inputsFrom(figures)) }
      for (const { part, name, recorded: image } of names) {
        const shape = inputs[`x_${name}`]?.shape ?? []
        const seed = uniforms(`grad:${image}`, shape)
        inputs[`seed_pred_${name}`] = part.frames > 1 ? fromGrid(onGrid(seed, part.frames), part.frames) : seed
      }
      const outputs = await session.run(inputs)
      const { json } = recorded
      figures.compareDigests(
        'gradients',
        digestsIn(json.gradients),
        vanishingIn(json),
        (name) => outputs[gradientName(name)],
      )
      const ofImages = new Map(names.map(({ name, recorded: image }) => [image, outputs[gradientName(`x_${name}`)]]))
      figures.compareDigests('gradients', digestsIn(json.input_gradients), new Set(), (image) => {
        const found = ofImages.get(image)
        return found?.shape.length === 5 ? toGrid(found) : found
      })
    },
  }
}

/** The mean loss of the first recorded step, and its gradients. */
export function lossGradients(model: Model, recorded: RecordedCase, report: Report): Comparison {
  const graph = buildTraining(model, report)
  return {
    graph,
    subject: { what: 'loss', model },
    trains: true,
    run: async (session, figures) => {
      const outputs = await session.run(await lossInputs(graph, model, recorded, figures, 0))
      const [step] = Array.isArray(recorded.json.steps) ? recorded.json.steps.map(asObject) : []
      figures.compareNumber('loss', outputs.loss?.data[0], step?.loss)
      figures.compareDigests(
        'gradients',
        digestsIn(step?.gradients),
        vanishingIn(recorded.json),
        (name) => outputs[gradientName(name)],
      )
    },
  }
}

/** The sides of a grid of frames: [batch, channels, frames, side, side] as [batch, channels, g side, g side]. */
function onGrid({ data, shape }: Tensor, frames: number): Tensor {
  const g = Math.round(Math.sqrt(frames))
  const [batch = 0, channels = 0, , height = 0, width = 0] = shape
  return { shape: [batch, channels, g * height, g * width], data }
}

/** The tensor of u(i) of a name. */
function uniforms(name: string, shape: readonly number[]): Tensor {
  const u = ruleUniforms(name)
  return { shape, data: Float32Array.from({ length: elementCount(shape) }, (_, i) => u(i)) }
}
