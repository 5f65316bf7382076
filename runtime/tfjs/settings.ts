/** How a compiled module trains: what `mdmc train` does in the phase of the whole model. */
import type { Model } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { phasesOf, publishedTraining, type PlannedPhase } from '../train/phases.js'
import type { TrainingSettings } from './public.js'

export interface ModuleTraining {
  readonly phase: PlannedPhase
  readonly settings: TrainingSettings
}

/** What keeps a model from being trained is reported, and gives undefined. */
export function moduleTraining(model: Model, report: Report): ModuleTraining | undefined {
  const training = model.training ?? { ...publishedTraining, phases: [] }
  const number = training.phases.findLastIndex((phase) => phase.model === model.name)
  const given = number >= 0
  // A phase of its own where the spec has none, of which only what it says of the model counts.
  const phases = given
    ? phasesOf(model, {}, report)
    : phasesOf({ ...model, training: { ...training, phases: [] } }, { steps: 1, batch: 1 }, report)
  const phase = phases?.at(given ? number : 0)
  if (phase === undefined) return undefined
  const { optimizer, average, accumulate, conditionDropout, seed } = training
  const { steps, batch, rate } = phase
  const { mix } = phase.model.diffusion
  const own = { number: given ? number : training.phases.length, rate, mix }
  return {
    phase,
    settings: {
      optimizer,
      average,
      accumulate,
      conditionDropout,
      seed,
      phase: given ? { ...own, steps, batch } : { ...own, steps: null, batch: null },
    },
  }
}
