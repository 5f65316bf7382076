/** A compiled model at work, as the class that a module exports. */
import * as tf from '@tensorflow/tfjs-core'
import { InputError } from '../../backends/inputs.js'
import { networkOfFiles } from '../sample/network.js'
import type { WeightSource } from '../weights/source.js'
import type { Batch } from './batch.js'
import type { Description, GeneratedProgram, ParameterEntry, Programs, Tensors } from './description.js'
import { Parameters, type Which } from './parameters.js'
import { PreparedProgram, type WeightsOnDevice } from './program.js'
import { sampled, type SampleRequest } from './sampling.js'
import { lossOf, Trainer, type Losses, type LossOptions, type StepOptions, type StepResult } from './training.js'
import { writeWeights } from './weights.js'

/** What is said of weights wherever they are used. */
interface Choice {
  /** The weights themselves, which are the default, or their moving average. */
  readonly which?: Which
}

export class CompiledModel {
  readonly #network: PreparedProgram
  readonly #condition: PreparedProgram | undefined
  readonly #solvers: Readonly<Record<'plain' | 'guided', PreparedProgram>>
  #loss: PreparedProgram | undefined
  #training: PreparedProgram | undefined
  #parameters: Parameters | undefined
  #trainer: Trainer | undefined
  #updates = 0
  /** What is at work, or was last. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly description: Description,
    private readonly entries: readonly ParameterEntry[],
    private readonly programs: Programs,
    private readonly source: WeightSource,
  ) {
    this.#network = new PreparedProgram(programs.network)
    this.#condition = programs.condition && new PreparedProgram(programs.condition)
    const plain = new PreparedProgram(programs.solver)
    this.#solvers = { plain, guided: programs.guided ? new PreparedProgram(programs.guided) : plain }
  }

  predict(inputs: Tensors, { which = 'weights' }: Choice = {}): Promise<Tensors> {
    return this.#inTurn(async () => {
      const weights = this.#weights(which)
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

  loss(batch: Batch, options: LossOptions = {}): Promise<Losses> {
    return this.#inTurn(async () => {
      this.#loss ??= await loaded(this.programs.loss, this.description)
      return lossOf(this.#loss, this.description, await this.#onDevice(), batch, options)
    })
  }

  trainStep(batch: Batch, options: StepOptions = {}): Promise<StepResult> {
    return this.#inTurn(async () => {
      this.#training ??= await loaded(this.programs.training, this.description)
      const { training } = this.description
      if (training === null) throw new Error(`${this.description.name} was compiled without training`)
      this.#trainer ??= new Trainer(this.#training, this.description, training, await this.#onDevice())
      const result = await this.#trainer.step(batch, options)
      if (!result.skipped) this.#updates++
      return result
    })
  }

  sample({ which = 'weights', ...request }: SampleRequest & Choice = {}): Promise<Record<string, tf.Tensor>> {
    return this.#inTurn(() => {
      const weights = this.#weights(which)
      return sampled(request, this.description, (guided) =>
        networkOfFiles(
          {
            denoiser: this.#network.session(weights),
            inputs: this.#network.inputs,
            condition: this.#condition?.session(weights),
          },
          this.#solvers[guided ? 'guided' : 'plain'].session(weights),
          { guided },
        ),
      )
    })
  }

  save(which: Which = 'weights'): Promise<Uint8Array> {
    return this.#inTurn(() => writeWeights(this.description.name, this.entries, (name) => this.#read(name, which)))
  }

  dispose(): void {
    const programs = [this.#network, this.#condition, this.#loss, this.#training, ...Object.values(this.#solvers)]
    for (const program of programs) program?.dispose()
    this.#parameters?.dispose()
    this.#parameters = undefined
    this.#trainer = undefined
  }

  async #read(name: string, which: Which): Promise<Float32Array> {
    return this.#parameters ? this.#parameters.read(name, which) : this.source.read(name)
  }

  /** The weights as they are now. */
  #weights(which: Which): WeightsOnDevice {
    const parameters = this.#parameters
    return {
      version: this.#updates === 0 ? 'given' : `${which} ${this.#updates}`,
      prepared: async (name, shape) =>
        parameters ? parameters.tensor(name, shape, which) : tf.tensor(await this.source.read(name), shape),
      anew: (name) => {
        throw new Error(`the parameter ${name} was not prepared`)
      },
    }
  }

  async #onDevice(): Promise<Parameters> {
    const hasAverage = (this.description.training?.average ?? 0) > 0
    return (this.#parameters ??= await Parameters.of(this.entries, (name) => this.source.read(name), hasAverage))
  }

  /** One call after the other, in the order in which they were made. */
  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task)
    this.#last = result.catch(() => undefined)
    return result
  }
}

function chosen(inputs: Tensors, names: readonly string[]): Tensors {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => names.includes(name)))
}

async function loaded(
  load: (() => Promise<GeneratedProgram>) | undefined,
  { name }: Description,
): Promise<PreparedProgram> {
  if (load === undefined)
    throw new Error(`${name} cannot be trained, so that it was compiled without loss and training`)
  return new PreparedProgram(await load())
}
