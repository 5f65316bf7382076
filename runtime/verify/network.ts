/** Cases of networks: a denoiser's predictions, a loss per example, the steps of a sampler. */
import { buildDenoiser } from '../../compiler/build/denoiser.js'
import { buildLoss } from '../../compiler/build/loss.js'
import { buildSamplerStep } from '../../compiler/build/sampler.js'
import { solverSteps } from '../../compiler/build/solver.js'
import type { Model, Sampling } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Graph } from '../../compiler/ir/graph.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import type { ParameterValues, Session } from '../../backends/engine.js'
import { stepInputs } from '../sample/loop.js'
import { asNumbers, type RecordedCase } from './case.js'
import { conditionsOf } from './conditions.js'
import type { Figures } from './figures.js'
import { denoiserGradients, lossGradients } from './gradients.js'
import { lossInputs, recordedNames } from './loss.js'
import type { Subject } from './subject.js'
import { trainingSteps } from './training.js'

/** A graph and the runs of it that are compared. */
export interface Comparison {
  readonly graph: Graph
  /** The same for engines that take models. */
  readonly subject: Subject
  /** Whether the graph trains: whether it has gradients. */
  readonly trains?: true
  /** The values of the graph's parameters where they change; else they follow the rule. */
  readonly weights?: ParameterValues
  run(session: Session, figures: Figures): Promise<void>
}

/** What is compared of a kind of case: the first graph has the recorded parameters. */
type Kind = (model: Model, recorded: RecordedCase, report: Report) => readonly Comparison[]

const denoiser: Kind = (model, recorded, report) => {
  const graph = buildDenoiser(model, report, { mixedBatch: recorded.mixedBatch })
  const inputsFrom = async (figures: Figures) => {
    const inputs = await conditionsOf(graph, model, figures, figures.rows('in.times'))
    inputs.times = await figures.tensor('in.times')
    for (const { part, name, recorded: from } of recordedNames(model, recorded, 'in.x'))
      inputs[`x_${name}`] = await figures.image(from, part.frames)
    return inputs
  }
  const forward: Comparison = {
    graph,
    subject: { what: 'denoiser', model },
    run: async (session, figures) => {
      const outputs = await session.run(await inputsFrom(figures))
      for (const { name, recorded: to } of recordedNames(model, recorded, 'out.pred'))
        await figures.compareImage(`pred_${name}`, outputs[`pred_${name}`], to)
    },
  }
  return recorded.gradients ? [forward, denoiserGradients(graph, model, recorded, inputsFrom)] : [forward]
}

const loss: Kind = (model, recorded, report) => {
  const graph = buildLoss(model, report)
  const forward: Comparison = {
    graph,
    subject: { what: 'loss', model },
    run: async (session, figures) => {
      const { losses } = await session.run(await lossInputs(graph, model, recorded, figures, 0))
      await figures.compareImage('losses', losses, 'step0.losses')
    },
  }
  return [forward, lossGradients(model, recorded, report)]
}

const sampling: Kind = (model, recorded, report) => {
  const { json } = recorded
  const graph = buildSamplerStep(model, report, {
    threshold: model.sampling.threshold,
    guided: json.guidance_scale !== 1,
  })
  const eta = typeof json.ddim_eta === 'number' ? json.ddim_eta : undefined
  const sampled: Sampling = {
    ...model.sampling,
    method: eta === undefined ? 'ddpm' : 'ddim',
    eta: eta ?? 0,
    steps: asNumbers(json.timesteps).length - 1,
    spacing: 'even',
  }
  const run = async (session: Session, figures: Figures) => {
    const steps = solverSteps(model, sampled)
    const state = new Map<string, Tensor>()
    for (const { part, name, recorded: from } of recordedNames(model, recorded, 'in.noise'))
      state.set(name, await figures.image(from, part.frames))
    const previous = new Map(state)
    const rows = [...state.values()][0]?.shape[0] ?? 1
    const guided = graph.inputs.some(({ name }) => name === 'guidance')
    const conditions = await conditionsOf(graph, model, figures, guided ? 2 * rows : rows)
    if (guided) conditions.guidance = { shape: [], data: Float32Array.of(Number(json.guidance_scale)) }
    for (const [k, step] of steps.entries()) {
      const inputs: Record<string, Tensor> = { ...conditions, ...stepInputs(step, rows) }
      for (const { part, name, recorded: from } of recordedNames(model, recorded, `step${k}.noise`)) {
        const now = state.get(name) ?? { shape: [], data: new Float32Array() }
        inputs[`x_${name}`] = now
        inputs[`previous_${name}`] = previous.get(name) ?? now
        inputs[`noise_${name}`] = figures.has(from)
          ? await figures.image(from, part.frames)
          : { shape: now.shape, data: new Float32Array(now.data.length) }
      }
      const outputs = await session.run(inputs)
      for (const { name, recorded: to } of recordedNames(model, recorded, `step${k}.x0`))
        await figures.compareImage(`step${k}.x0_${name}`, outputs[`x0_${name}`], to)
      for (const { name, recorded: to } of recordedNames(model, recorded, `step${k}.x`)) {
        const next = outputs[`next_${name}`]
        await figures.compareImage(`step${k}.x_${name}`, next, to)
        if (next) state.set(name, next)
        const x0 = outputs[`x0_${name}`]
        if (x0) previous.set(name, x0)
      }
    }
  }
  return [{ graph, subject: { what: 'step', model: { ...model, sampling: sampled } }, run }]
}

export const networkKinds: Readonly<Record<Exclude<RecordedCase['kind'], 'schedules'>, Kind>> = {
  denoiser,
  loss,
  sampling,
  training: (model, recorded, report) => [trainingSteps(model, recorded, report)],
}
