/** A compiled model at work, as the class that a module exports. */
import * as tf from '@tensorflow/tfjs-core'
import { InputError } from '../../backends/inputs.js'
import type { Tensors } from '../../backends/tfjs/text.js'
import { networkOfFiles } from '../sample/network.js'
import type { WeightSource } from '../weights/source.js'
import type { Batch } from './batch.js'
import type { Description, ParameterEntry, Programs } from './description.js'
import { PreparedProgram } from './program.js'
import type { Losses, StepResult, Which } from './public.js'
import { sampled, type SampleRequest } from './sampling.js'
import { ModelWeights } from './state.js'
import { lossOf, Trainer, type LossOptions, type StepOptions } from './training.js'
import { writeWeights } from './weights.js'

/** What is said of weights wherever they are used. */
interface Choice {
  /** The weights themselves, which are the default, or their moving average. */
  readonly which?: Which
}

/** What is documented for users in public.d.ts. */
export class CompiledModel {
  protected readonly weights: ModelWeights
  readonly #network: PreparedProgram
  readonly #condition: PreparedProgram | undefined
  readonly #solvers: Readonly<Record<'plain' | 'guided', PreparedProgram>>
  /** What is at work, or was last. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    protected readonly description: Description,
    entries: readonly ParameterEntry[],
    protected readonly programs: Programs,
    source: WeightSource,
  ) {
    this.weights = new ModelWeights(entries, source, (description.training?.average ?? 0) > 0)
    this.#network = new PreparedProgram(programs.network)
    this.#condition = programs.condition && new PreparedProgram(programs.condition)
    const plain = new PreparedProgram(programs.solver)
    this.#solvers = { plain, guided: programs.guided ? new PreparedProgram(programs.guided) : plain }
  }

  predict(inputs: Tensors, { which = 'weights' }: Choice = {}): Promise<Tensors> {
    return this.inTurn(async () => {
      const weights = this.weights.now(which)
      const condition = this.#condition
      const passed = condition ? await condition.run(chosen(inputs, condition.inputs), weights) : {}
      try {
        const known = [...this.#network.inputs, ...(condition?.inputs ?? [])].filter((name) => !(name in passed))
        const unknown = Object.keys(inputs).find((name) => !known.includes(name))
        if (unknown !== undefined)
          throw new InputError(`there is no input ${unknown}; inputs are ${[...new Set(known)].join(', ')}`)
        return await this.#network.run({ ...chosen(inputs, this.#network.inputs), ...passed }, weights)
      } finally {
        tf.dispose(passed)
      }
    })
  }

  sample({ which = 'weights', ...request }: SampleRequest & Choice = {}): Promise<Record<string, tf.Tensor>> {
    return this.inTurn(() => {
      const weights = this.weights.now(which)
      const network = this.#network
      const condition = this.#condition?.session(weights)
      return sampled(request, this.description, (guided) =>
        networkOfFiles(
          { denoiser: network.session(weights), inputs: network.inputs, condition },
          this.#solvers[guided ? 'guided' : 'plain'].session(weights),
          { guided },
        ),
      )
    })
  }

  save(which: Which = 'weights'): Promise<Uint8Array> {
    const { weights, description } = this
    return this.inTurn(() => writeWeights(description.name, weights.entries, (name) => weights.read(name, which)))
  }

  dispose(): void {
    for (const program of [this.#network, this.#condition, ...Object.values(this.#solvers)]) program?.dispose()
    this.weights.dispose()
  }

  /** One call after the other, in the order in which they were made. */
  protected inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task)
    this.#last = result.catch(() => undefined)
    return result
  }
}

/** A model whose loss has gradients. */
export class TrainableModel extends CompiledModel {
  #loss: PreparedProgram | undefined
  #training: PreparedProgram | undefined
  #trainer: Trainer | undefined

  loss(batch: Batch, options: LossOptions = {}): Promise<Losses<string>> {
    return this.inTurn(async () => {
      this.#loss ??= await loaded(this.programs.loss)
      return lossOf(this.#loss, this.description, await this.weights.onDevice(), batch, options)
    })
  }

  trainStep(batch: Batch, options: StepOptions = {}): Promise<StepResult<string>> {
    return this.inTurn(async () => {
      const { description, weights } = this
      this.#training ??= await loaded(this.programs.training)
      this.#trainer ??= new Trainer(this.#training, description, await weights.onDevice())
      const result = await this.#trainer.step(batch, options)
      if (!result.skipped) weights.changed()
      return result
    })
  }

  override dispose(): void {
    super.dispose()
    this.#loss?.dispose()
    this.#training?.dispose()
    this.#trainer = undefined
  }
}

function chosen(inputs: Tensors, names: readonly string[]): Tensors {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => names.includes(name)))
}

async function loaded(load: Programs['loss']): Promise<PreparedProgram> {
  if (load === undefined) throw new Error('the module has no such program')
  return new PreparedProgram(await load())
}
