/**
 * The random inputs of a training batch, each a function of the seed and of the example's place in the whole run: a
 * resumed run draws what an undisturbed one would, and so does every engine.
 */
import { cumulativeShares } from '../../compiler/build/loss.js'
import { resolutionName } from '../../compiler/build/nest.js'
import type { Process } from '../../compiler/build/schedule.js'
import { evaluateShape } from '../../compiler/ir/dimension.js'
import type { InputType } from '../../compiler/ir/graph.js'
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'
import { dropoutPrefix } from '../../compiler/passes/draw_dropout.js'
import { fillNormal, fillUniform } from '../random/philox.js'

/** The place of a batch. */
export interface Place {
  readonly seed: number
  /** What the draws are for, such as the phase; other purposes draw other numbers. */
  readonly purpose: string
  /** Number of the batch's first example among all of its purpose. */
  readonly first: number
  readonly rows: number
}

/** Rows of each resolution, highest first, in a mixed batch: at least one each. */
function rowsOf({ diffusion, resolutions }: Process, rows: number): number[] {
  const shares = cumulativeShares(diffusion.mix)
  return resolutions.map((_, r) => Math.max(1, Math.floor((shares[r] ?? 1) * rows)))
}

/** `times`, `noise_RESOLUTION` and the draws of dropout, for the inputs of buildLoss or buildTraining. */
export function drawsFor(
  inputs: readonly InputType[],
  process: Process,
  place: Place,
  tokens: number,
): Record<string, Tensor> {
  const { seed, purpose, first, rows } = place
  const stream = (name: string) => ({ seed, name: `${purpose}:${name}` })
  const draws: Record<string, Tensor> = { times: drawTimes(process.diffusion.steps, place) }
  const perResolution = rowsOf(process, rows)
  const bindings: Record<string, number> = { batch: rows, tokens }
  for (const [r, part] of process.resolutions.entries()) {
    const name = resolutionName(part)
    const held = perResolution[r] ?? rows
    bindings[`batch_${name}`] = held
    const shape = [held, part.imageChannels, ...(part.frames === 1 ? [] : [part.frames]), part.side, part.side]
    const data = new Float32Array(elementCount(shape))
    fillNormal(data, stream(`noise_${name}`), 1, first * (data.length / held))
    draws[`noise_${name}`] = { shape, data }
  }
  for (const { name, type } of inputs) {
    if (!name.startsWith(dropoutPrefix)) continue
    const shape = evaluateShape(type.shape, bindings)
    const data = new Float32Array(elementCount(shape))
    fillUniform(data, stream(name), 0.5, (first / rows) * data.length)
    for (let i = 0; i < data.length; i++) data[i] = (data[i] ?? 0) + 0.5
    draws[name] = { shape, data }
  }
  return draws
}

/** Which examples are trained without their condition. */
export function drawDropped({ seed, purpose, first, rows }: Place, rate: number): boolean[] {
  const draws = new Float32Array(rows)
  fillUniform(draws, { seed, name: `${purpose}:condition` }, 0.5, first)
  return Array.from(draws, (draw) => draw + 0.5 < rate)
}

/** Steps of the diffusion process, uniform from 0 to steps - 1 (Ho et al. 2020, algorithm 1). */
function drawTimes(steps: number, { seed, purpose, first, rows }: Place): Tensor {
  const draws = new Float32Array(rows)
  fillUniform(draws, { seed, name: `${purpose}:times` }, 0.5, first)
  return {
    shape: [rows],
    data: Float64Array.from(draws, (draw) => Math.min(steps - 1, Math.floor((draw + 0.5) * steps))),
  }
}
