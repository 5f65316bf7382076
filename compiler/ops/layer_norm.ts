/**
 * Layer normalisation (Ba et al. 2016, eq. 4) of the last axis, then scale and bias per feature where given.
 * x: [..., features], scale and bias: [features]. Result: as x.
 */
import { elementCount } from '../ir/tensor.js'
import { normaliseRun } from './normalise.js'
import { expectFloat, expectShape, fixedSize, type Op } from './op.js'
import { reduceTo } from './reduce_to.js'
import { standardiseGradient } from './standardise.js'

export interface LayerNormAttributes {
  readonly epsilon: number
}

export const layerNorm: Op<['x', 'scale?', 'bias?'], LayerNormAttributes> = {
  inputs: ['x', 'scale?', 'bias?'],
  infer: ({ x, scale, bias }) => {
    expectFloat(x, scale, bias)
    const features = fixedSize(x, x.shape.length - 1, 'the axis of features')
    expectShape(scale, [features], 'the scale of a normalisation')
    expectShape(bias, [features], 'the bias of a normalisation')
    return x
  },
  decompose: ({ x, scale, bias }, attributes, b) => {
    const unit = b.standardise(x, attributes)
    const scaled = scale === undefined ? unit : b.mul(unit, scale)
    return bias === undefined ? scaled : b.add(scaled, bias)
  },
  gradient: ({ x, scale, bias }, dy, { attributes, b }) => {
    const unit = b.standardise(x, attributes)
    const inner = scale === undefined ? dy : b.mul(dy, scale)
    return {
      x: standardiseGradient(x, unit, inner, attributes, b),
      ...(scale ? { scale: reduceTo(b.mul(dy, unit), scale.type.shape, b) } : {}),
      ...(bias ? { bias: reduceTo(dy, bias.type.shape, b) } : {}),
    }
  },
  flops: (_, result) => 8 * elementCount(result),
  evaluate: ({ x, scale, bias }, { epsilon }, shape) => {
    const features = shape.at(-1) ?? 1
    const normalised = new Float64Array(x.data.length)
    for (let at = 0; at < normalised.length; at += features) normaliseRun(x.data, normalised, at, features, epsilon)
    const data = new Float32Array(x.data.length)
    for (let i = 0; i < data.length; i++) {
      data[i] = (normalised[i] ?? 0) * (scale?.data[i % features] ?? 1) + (bias?.data[i % features] ?? 0)
    }
    return { shape, data }
  },
}
