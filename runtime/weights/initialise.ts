/** Fresh weights: each parameter drawn by its initialiser, from the seed and its own name alone. */
import type { Initialiser, Parameter } from '../../compiler/ir/parameter.js'
import { fillNormal, fillUniform } from '../random/philox.js'
import { elementsOf } from './dtype.js'
import { computedWeights, type WeightSource } from './source.js'

function fill(values: Float32Array, initialiser: Initialiser, seed: number, name: string): void {
  const stream = { seed, name: `weights:${name}` }
  switch (initialiser.kind) {
    case 'zeros':
      return
    case 'ones':
      values.fill(1)
      return
    case 'uniform':
      return fillUniform(values, stream, initialiser.bound)
    case 'normal':
      return fillNormal(values, stream, initialiser.deviation)
    case 'rotary_frequencies':
      // shape[0] is d / 2, so that i / shape[0] = 2i / d.
      for (let i = 0; i < values.length; i++) values[i] = initialiser.base ** (-i / values.length)
  }
}

/** One fresh parameter, float32. */
export function initialise({ name, shape, initialiser }: Parameter, seed: number): Float32Array {
  const values = new Float32Array(elementsOf(shape))
  fill(values, initialiser, seed, name)
  return values
}

/** Fresh weights of a model. Tensors are drawn when they are read, so that only what is read takes memory. */
export function initialWeights(parameters: readonly Parameter[], seed: number): WeightSource {
  return computedWeights(parameters, (parameter) => initialise(parameter, seed))
}
