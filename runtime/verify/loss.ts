/** The inputs of a loss as a case records them. */
import { resolutionName } from '../../compiler/build/nest.js'
import { cumulativeShares } from '../../compiler/build/loss.js'
import { partsOf, type Model } from '../../compiler/check/model.js'
import type { Graph } from '../../compiler/ir/graph.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import type { RecordedCase } from './case.js'
import { conditionsOf } from './conditions.js'
import { firstRows, type Figures } from './figures.js'

/** A recorded tensor's name for a resolution: `in.x_32`. */
export function recordedNames(
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

/** What buildLoss and buildTraining take, of one recorded step. */
export async function lossInputs(
  graph: Graph,
  model: Model,
  recorded: RecordedCase,
  figures: Figures,
  step: number,
): Promise<Record<string, Tensor>> {
  const rows = figures.rows(`step${step}.times`)
  const inputs = await conditionsOf(graph, model, figures, rows)
  inputs.images = await figures.image(`step${step}.images`, model.frames)
  inputs.times = await figures.tensor(`step${step}.times`)
  const shares = cumulativeShares(model.diffusion.mix)
  for (const [r, { part, name, recorded: from }] of recordedNames(model, recorded, `step${step}.eps`).entries()) {
    const noise = await figures.image(from, part.frames)
    inputs[`noise_${name}`] = firstRows(noise, Math.floor((shares[r] ?? 1) * rows))
  }
  return inputs
}
