/** Cases of networks: a denoiser's predictions, a loss per example, the steps of a sampler. */
import { buildDenoiser } from '../../compiler/build/denoiser.js'
import { buildLoss, cumulativeShares } from '../../compiler/build/loss.js'
import { resolutionName } from '../../compiler/build/nest.js'
import { buildSamplerStep } from '../../compiler/build/sampler.js'
import { solverSteps } from '../../compiler/build/solver.js'
import { partsOf, type Model } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Graph } from '../../compiler/ir/graph.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import type { Session } from '../../backends/engine.js'
import { stepInputs } from '../sample/loop.js'
import { asNumbers, type RecordedCase } from './case.js'
import { conditionsOf } from './conditions.js'
import { firstRows, type Figures } from './figures.js'

/** A kind of case: its graph, and the runs that are compared. */
interface Kind {
  build(model: Model, recorded: RecordedCase, report: Report): Graph
  run(session: Session, graph: Graph, model: Model, recorded: RecordedCase, figures: Figures): Promise<void>
}

/** A recorded tensor's name for a resolution: `in.x_32`. */
function recordedNames(
  model: Model,
  { sizes }: RecordedCase,
  what: string,
): { part: Model; name: string; recorded: string }[] {
  return partsOf(model).map((part, r) => ({
    part,
    name: resolutionName(part),
    recorded: `${what}_${sizes[r] ?? part.side}`,
  }))
}

const denoiser: Kind = {
  build: (model, { mixedBatch }, report) => buildDenoiser(model, report, { mixedBatch }),
  run: async (session, graph, model, recorded, figures) => {
    const inputs = await conditionsOf(graph, model, figures, figures.rows('in.times'))
    inputs.times = await figures.tensor('in.times')
    for (const { part, name, recorded: from } of recordedNames(model, recorded, 'in.x'))
      inputs[`x_${name}`] = await figures.image(from, part.frames)
    const outputs = await session.run(inputs)
    for (const { name, recorded: to } of recordedNames(model, recorded, 'out.pred'))
      await figures.compareImage(`pred_${name}`, outputs[`pred_${name}`], to)
  },
}

const loss: Kind = {
  build: (model, _, report) => buildLoss(model, report),
  run: async (session, graph, model, recorded, figures) => {
    const rows = figures.rows('step0.times')
    const inputs = await conditionsOf(graph, model, figures, rows)
    inputs.images = await figures.image('step0.images', model.frames)
    inputs.times = await figures.tensor('step0.times')
    const shares = cumulativeShares(model.diffusion.mix)
    for (const [r, { part, name, recorded: from }] of recordedNames(model, recorded, 'step0.eps').entries()) {
      const noise = await figures.image(from, part.frames)
      inputs[`noise_${name}`] = firstRows(noise, Math.floor((shares[r] ?? 1) * rows))
    }
    const { losses } = await session.run(inputs)
    await figures.compareImage('losses', losses, 'step0.losses')
  },
}

const sampling: Kind = {
  build: (model, { json }, report) =>
    buildSamplerStep(model, report, { threshold: model.sampling.threshold, guided: json.guidance_scale !== 1 }),
  run: async (session, graph, model, recorded, figures) => {
    const { json } = recorded
    const eta = typeof json.ddim_eta === 'number' ? json.ddim_eta : undefined
    const steps = solverSteps(model, {
      method: eta === undefined ? 'ddpm' : 'ddim',
      eta: eta ?? 0,
      steps: asNumbers(json.timesteps).length - 1,
      spacing: 'even',
    })
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
  },
}

export const networkKinds = { denoiser, loss, sampling } as const
