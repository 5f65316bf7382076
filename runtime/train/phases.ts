/** What a run trains, one phase after the other: which part of the nest, for how long, on how much. */
import { partsOf, type Model, type Phase, type Training } from '../../compiler/check/model.js'
import { hasLoss } from '../../compiler/build/loss.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { cannotTrain, nothingToTrain } from '../../compiler/diagnostics/train.js'
import type { LoaderOptions } from '../data/loader.js'
import type { Parameter } from '../../compiler/ir/parameter.js'

/** One phase, with everything known. */
export interface PlannedPhase {
  /** The part of the nest that is trained, with the phase's own mix of resolutions. */
  readonly model: Model
  /** Steps of the whole run that come before. */
  readonly firstStep: number
  readonly steps: number
  /** Images of one batch. */
  readonly batch: number
  /** Learning rate at its highest. */
  readonly rate: number
  readonly frozen: (parameter: Pick<Parameter, 'name'>) => boolean
  /** Checkpoint that it starts from, of this part or of one nested in it. */
  readonly start: string | undefined
}

/** What takes the place of the spec's own numbers. */
export interface PhaseChanges {
  /** Steps of each phase. */
  readonly steps?: number | undefined
  readonly batch?: number | undefined
}

/** What the paper trains with (Gu et al. 2024, Appendix B), where a spec says nothing. */
export const publishedTraining: Omit<Training, 'phases'> = {
  optimizer: {
    kind: 'adamw',
    rate: 1e-4,
    betas: [0.9, 0.99],
    epsilon: 1e-8,
    weightDecay: 0,
    warmup: 0,
    decay: 'constant',
    clip: 2,
  },
  average: 0.9999,
  accumulate: 1,
  precision: 'float32',
  conditionDropout: 0,
  flip: false,
  seed: 0,
}

/** The phases of a model; what keeps one from being trained is reported, and gives undefined. */
export function phasesOf(model: Model, changes: PhaseChanges, report: Report): readonly PlannedPhase[] | undefined {
  const given = model.training?.phases ?? []
  const { steps, batch } = changes
  const alone = steps !== undefined && batch !== undefined ? [onePhase(model, steps, batch)] : []
  const phases = given.length > 0 ? given : alone
  if (phases.length === 0) {
    report(nothingToTrain({ model: model.name }), model.span)
    return undefined
  }
  const rate = (model.training ?? publishedTraining).optimizer.rate
  let firstStep = 0
  const planned: PlannedPhase[] = []
  for (const phase of phases) {
    const part = partsOf(model).find(({ name }) => name === phase.model) ?? model
    if (!isTrainable(part, report)) return undefined
    const count = steps ?? phase.steps
    planned.push({
      model: { ...part, diffusion: { ...part.diffusion, mix: phase.mix } },
      firstStep,
      steps: count,
      batch: batch ?? phase.batch,
      rate: phase.rate ?? rate,
      frozen: frozenIn(part, phase.freezeInner),
      start: phase.start,
    })
    firstStep += count
  }
  return planned
}

function onePhase(model: Model, steps: number, batch: number): Phase {
  const { name, span, diffusion } = model
  return { model: name, steps, batch, mix: diffusion.mix, rate: undefined, freezeInner: false, start: undefined, span }
}

/** Whether a model can be trained; what keeps it from that is reported. */
export function isTrainable(model: Model, report: Report): boolean {
  // Pictures are gray or coloured.
  if ([1, 3].includes(model.imageChannels)) return hasLoss(model, report)
  report(cannotTrain({ model: model.name, setting: `image ${model.imageChannels}` }), model.span)
  return false
}

/** Nested parts that a part or the phase leaves as they are. */
function frozenIn(model: Model, innerFrozen: boolean): PlannedPhase['frozen'] {
  const depth = partsOf(model).findIndex((part, i) => (i === 0 && innerFrozen) || part.inner?.frozen === true)
  if (depth < 0) return () => false
  const prefix = innerPrefix(depth + 1)
  return ({ name }) => name.startsWith(prefix)
}

/** How a model's images are made from a data set's. */
export function imagesOf({ imageChannels, frames, side }: Model): Pick<LoaderOptions, 'channels' | 'frames' | 'side'> {
  return { channels: imageChannels === 1 ? 1 : 3, frames, side }
}

/** What the names of a part's parameters begin with, that many models inside another. */
export function innerPrefix(depth: number): string {
  return 'inner_unet.'.repeat(depth)
}

/** The phase that a step of the whole run belongs to: the last one for a run that is done. */
export function phaseAt(phases: readonly PlannedPhase[], step: number): number {
  const found = phases.findIndex(({ firstStep, steps }) => step < firstStep + steps)
  return found < 0 ? phases.length - 1 : found
}
