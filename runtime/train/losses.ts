/** The losses that a training graph gives. */
import { resolutionName } from '../../compiler/build/nest.js'
import { partsOf, type Model } from '../../compiler/check/model.js'
import type { Tensor } from '../../compiler/ir/tensor.js'

/** The losses of each image: in all, as `loss`, and at each resolution that it has, as `loss/RESOLUTION`. */
export function lossesIn(model: Model, outputs: Readonly<Record<string, Tensor>>): (readonly [string, Tensor])[] {
  const resolutions = partsOf(model).map((part) => resolutionName(part))
  const names = [['loss', 'losses'], ...resolutions.map((name) => [`loss/${name}`, `loss_${name}`])]
  return names.flatMap(([name = '', output = '']) => {
    const tensor = outputs[output]
    return tensor === undefined ? [] : [[name, tensor] as const]
  })
}

export function meanOf(values: Iterable<number> & { readonly length: number }): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}
