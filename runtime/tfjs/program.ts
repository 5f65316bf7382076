/** Generated programs at work: inputs are checked, weights prepared when they are needed and whenever they have changed. */
import * as tf from '@tensorflow/tfjs-core'
import type { Session } from '../../backends/engine.js'
import { bindShapes } from '../../backends/inputs.js'
import { expectRoom, peakBytes } from '../../backends/tfjs/peak.js'
import { downloaded, uploaded } from '../../backends/tfjs/tensors.js'
import type { Stored, Tensors } from '../../backends/tfjs/text.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import type { GeneratedProgram } from './description.js'

/** Weights as programs read them: prepared once, or anew in each run. The tensors are the program's own. */
export interface WeightsOnDevice {
  /** Changes whenever the weights do that programs prepare. */
  readonly version: string
  prepared(name: string, shape: number[]): Promise<tf.Tensor>
  anew(name: string, shape: number[]): tf.Tensor
}

/** A program whose weights are made ready once. */
export class PreparedProgram {
  #stored: Stored = {}
  #version: string | undefined

  constructor(readonly program: GeneratedProgram) {}

  /** Names of the inputs. */
  get inputs(): readonly string[] {
    return this.program.inputs.map(({ name }) => name)
  }

  /** Computes the outputs, the caller's own, from tensors that stay the caller's. Throws an InputError where one does not fit. */
  async run(inputs: Tensors, weights: WeightsOnDevice): Promise<Tensors> {
    if (this.#version !== weights.version) {
      this.dispose()
      this.#stored = await this.program.prepare((name, shape) => weights.prepared(name, shape))
      this.#version = weights.version
    }
    const described = Object.entries(inputs).map(
      ([name, { dtype: dataType, shape }]) => [name, { dataType, shape }] as const,
    )
    const sizes = bindShapes(this.program.inputs, Object.fromEntries(described))
    expectRoom(tf, peakBytes(this.program.peaks, sizes))
    // The program disposes what it makes and is given; should it fail on its way, tidy does.
    return tf.tidy(() => {
      const given = Object.entries(inputs).map(([name, tensor]) => [name, tf.clone(tensor)] as const)
      return this.program.run(sizes, Object.fromEntries(given), this.#stored, (name, shape) =>
        weights.anew(name, shape),
      )
    })
  }

  /** The same for numbers in memory. */
  session(weights: WeightsOnDevice): Session {
    return {
      run: async (inputs) => {
        const given = Object.fromEntries(
          Object.entries(inputs).map(([name, tensor]) => [name, uploaded(tf, tensor, name)]),
        )
        const outputs = await this.run(given, weights).finally(() => tf.dispose(given))
        return inMemory(outputs).finally(() => tf.dispose(outputs))
      },
      dispose: async () => undefined,
    }
  }

  dispose(): void {
    tf.dispose(this.#stored)
    this.#stored = {}
    this.#version = undefined
  }
}

async function inMemory(outputs: Tensors): Promise<Readonly<Record<string, Tensor>>> {
  const read = Object.entries(outputs).map(async ([name, tensor]) => [name, await downloaded(tensor)] as const)
  return Object.fromEntries(await Promise.all(read))
}
