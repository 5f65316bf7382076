/** The weights of a model at work: as they were read, and once something is trained, on the device. */
import * as tf from '@tensorflow/tfjs-core'
import type { WeightSource } from '../weights/source.js'
import type { ParameterEntry } from './description.js'
import { Parameters } from './parameters.js'
import type { WeightsOnDevice } from './program.js'
import type { Which } from './public.js'

export class ModelWeights {
  #parameters: Parameters | undefined
  #updates = 0

  constructor(
    readonly entries: readonly ParameterEntry[],
    private readonly source: WeightSource,
    private readonly hasAverage: boolean,
  ) {}

  /** The parameters on the device, from now on. */
  async onDevice(): Promise<Parameters> {
    const { entries, source, hasAverage } = this
    return (this.#parameters ??= await Parameters.of(entries, (name) => source.read(name), hasAverage))
  }

  /** To be told of every change of the parameters. */
  changed(): void {
    this.#updates++
  }

  /** The weights as programs prepare them, as they are now. */
  now(which: Which): WeightsOnDevice {
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

  /** A parameter's numbers, row-major. */
  async read(name: string, which: Which): Promise<Float32Array> {
    return this.#parameters ? this.#parameters.read(name, which) : this.source.read(name)
  }

  dispose(): void {
    this.#parameters?.dispose()
    this.#parameters = undefined
  }
}
