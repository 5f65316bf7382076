/** Losses and steps of training, on the device. */
import * as tf from '@tensorflow/tfjs-core'
import type { Tensors } from '../../backends/tfjs/text.js'
import { adamStep, clipFactor } from '../optimise/adam.js'
import { learningRate } from '../optimise/rate.js'
import { meanOf } from '../train/losses.js'
import { lossInputs, type Batch } from './batch.js'
import type { Description } from './description.js'
import { normOf, type Parameters } from './parameters.js'
import type { PreparedProgram } from './program.js'
import type {
  Losses,
  LossOptions as PublicLossOptions,
  StepOptions as PublicStepOptions,
  StepResult,
  TrainingSettings,
} from './public.js'

/** Draws go by the names of inputs: `times`, `noise_64`. */
export type LossOptions = PublicLossOptions & Readonly<Record<string, unknown>>
export type StepOptions = PublicStepOptions & LossOptions

/** The loss of a batch, with the same draws each time. */
export async function lossOf(
  program: PreparedProgram,
  description: Description,
  parameters: Parameters,
  batch: Batch,
  { seed = description.training?.seed ?? 0, ...given }: LossOptions,
): Promise<Losses<string>> {
  const rows = rowsOf(batch)
  const place = { seed, purpose: 'held_out', first: 0, rows }
  const drawing = { place, given: given as Batch, dropped: undefined, rate: 0, part: 0, parts: 1 }
  const outputs = await computed(program, parameters, lossInputs(program.program, description, batch, drawing))
  try {
    const all = await outputs.losses?.data()
    return { loss: meanOf(Array.from(all ?? [])), losses: await byResolution(description, outputs) }
  } finally {
    tf.dispose(outputs)
  }
}

/** The optimiser of a model: AdamW or Adam as its section `train` has it. */
export class Trainer {
  #steps = 0
  /** Steps that changed the parameters: Adam's t. */
  #updates = 0
  private readonly settings: TrainingSettings

  constructor(
    private readonly program: PreparedProgram,
    private readonly description: Description,
    private readonly parameters: Parameters,
  ) {
    const { name, training } = description
    if (training === null) throw new Error(`${name} was compiled without training`)
    this.settings = training
  }

  /** Takes a step with a batch: in as many parts as gradients are accumulated of. */
  async step(batch: Batch, { rate: given, ...options }: StepOptions): Promise<StepResult<string>> {
    const { optimizer, average, accumulate } = this.settings
    const rate = given ?? this.#rate()
    const { gradients, ...losses } = await this.#gradients(batch, options)
    try {
      const norm = (await normOf(gradients)) / accumulate
      const skipped = !Number.isFinite(norm)
      const limit = skipped ? 1 : clipFactor(norm, optimizer.clip)
      this.#steps++
      if (!skipped) {
        this.#updates++
        this.parameters.step(
          gradients,
          adamStep(this.#updates, optimizer, { rate, scale: limit / accumulate, average }),
        )
      }
      return { ...losses, norm, rate, skipped, clipped: limit < 1, step: this.#steps }
    } finally {
      tf.dispose(gradients)
    }
  }

  #rate(): number {
    const { optimizer, phase } = this.settings
    if (phase.steps === null && optimizer.decay !== 'constant')
      throw new Error(
        'no phase of the section train says how many steps there are, so that the rate has no end: give rate',
      )
    return learningRate(this.#steps, optimizer, { steps: phase.steps ?? 0, rate: phase.rate })
  }

  /** The sums of gradients over the parts of a batch, and the mean losses. */
  async #gradients(
    batch: Batch,
    { seed = this.settings.seed, dropped, ...given }: StepOptions,
  ): Promise<Losses<string> & { gradients: tf.Tensor[] }> {
    const { accumulate, conditionDropout, phase } = this.settings
    const rows = rowsOf(batch) / accumulate
    if (!Number.isInteger(rows))
      throw new Error(`a step accumulates ${accumulate} batches, so that the number of images must be a multiple of it`)
    let gradients: tf.Tensor[] = []
    const found: Losses<string>[] = []
    for (let part = 0; part < accumulate; part++) {
      const first = (this.#steps * accumulate + part) * rows
      const place = { seed, purpose: `train:${phase.number}`, first, rows }
      const drawing = { place, given: given as Batch, dropped, rate: conditionDropout, part, parts: accumulate }
      const inputs = lossInputs(this.program.program, this.description, batch, drawing)
      const outputs = await computed(this.program, this.parameters, inputs)
      const own = this.parameters.gathered(outputs)
      const before = gradients
      gradients = part === 0 ? own : own.map((gradient, i) => tf.add(gradient, before[i] ?? 0))
      if (part > 0) tf.dispose([own, before])
      const [loss = NaN] = (await outputs.loss?.data()) ?? []
      found.push({ loss, losses: await byResolution(this.description, outputs) })
      tf.dispose(outputs)
    }
    return { ...meanLosses(found), gradients }
  }
}

/** A run of the program. The inputs are disposed. */
async function computed(program: PreparedProgram, parameters: Parameters, inputs: Tensors): Promise<Tensors> {
  const weights = {
    version: 'constants',
    prepared: () => Promise.reject(new Error('parameters are read anew in each run')),
    anew: (name: string, shape: number[]) => parameters.tensor(name, shape),
  }
  return program.run(inputs, weights).finally(() => tf.dispose(inputs))
}

function rowsOf({ images }: Batch): number {
  if (images instanceof tf.Tensor) return images.shape[0]
  throw new Error('a batch needs images, a tensor of the highest resolution within -1 and 1')
}

async function byResolution({ resolutions }: Description, outputs: Tensors): Promise<Record<string, number>> {
  const read = resolutions.map(async ({ name }) => {
    const losses = await outputs[`loss_${name}`]?.data()
    return losses === undefined ? [] : [[name, meanOf(Array.from(losses))] as const]
  })
  return Object.fromEntries((await Promise.all(read)).flat())
}

function meanLosses(parts: readonly Losses<string>[]): Losses<string> {
  const names = Object.keys(parts[0]?.losses ?? {})
  return {
    loss: meanOf(parts.map(({ loss }) => loss)),
    losses: Object.fromEntries(names.map((name) => [name, meanOf(parts.map(({ losses }) => losses[name] ?? NaN))])),
  }
}
