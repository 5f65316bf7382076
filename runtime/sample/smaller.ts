/** Stopping at a smaller resolution: the nested model alone, under its names in the whole one. */
import type { ParameterValues } from '../../backends/engine.js'
import { partsOf, type Model } from '../../compiler/check/model.js'

export interface SmallerModel {
  readonly model: Model
  /** Reads a parameter of the nested model from the weights of the whole one. */
  readonly weights: (whole: ParameterValues) => ParameterValues
}

/** The part of a nest whose own image has this side, with the diffusion process of the whole; undefined where there is none. */
export function untilSide(model: Model, side: number): SmallerModel | undefined {
  const depth = partsOf(model).findIndex((part) => part.side === side)
  const part = partsOf(model)[depth]
  if (part === undefined) return undefined
  const prefix = 'inner_unet.'.repeat(depth)
  return {
    model: { ...part, diffusion: { ...model.diffusion, weights: [], mix: [] }, sampling: model.sampling },
    weights: (whole) => ({ read: (name) => whole.read(prefix + name) }),
  }
}
