/** How a PyTorch package trains its model: what `mdmc train` does, phase after phase. */
import type { TorchTraining } from '../../backends/torch/plan.js'
import type { Model } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { phasesOf, publishedTraining } from '../train/phases.js'

/**
 * A model without a phase gets one of which steps and images are given when it is trained. What keeps a model from being
 * trained is reported, and gives undefined.
 */
export function torchTraining(model: Model, report: Report): TorchTraining | undefined {
  const { phases: given, ...settings } = model.training ?? { ...publishedTraining, phases: [] }
  if (given.length > 0) {
    const phases = phasesOf(model, {}, report)
    return phases && { settings, phases }
  }
  const phases = phasesOf(model, { steps: 1, batch: 1 }, report)
  return phases && { settings, phases: phases.map((phase) => ({ ...phase, steps: undefined, batch: undefined })) }
}
