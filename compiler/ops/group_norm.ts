/**
 * Group normalisation (Wu & He 2018, eq. 1): mean 0 and variance 1 over each group of channels and all positions of
 * one example, then scale and bias per channel. x: [batch, channels, ...space], scale and bias: [channels]. Result: as x.
 */
import { elementCount } from '../ir/tensor.js'
import { normaliseRun } from './normalise.js'
import { expectFloat, expectShape, fail, fixedSize, type Op } from './op.js'

export interface GroupNormAttributes {
  readonly groups: number
  readonly epsilon: number
}

export const groupNorm: Op<['x', 'scale', 'bias'], GroupNormAttributes> = {
  inputs: ['x', 'scale', 'bias'],
  infer: ({ x, scale, bias }, { groups }) => {
    expectFloat(x, scale, bias)
    const channels = fixedSize(x, 1, 'the axis of channels')
    if (channels % groups !== 0) fail(`${channels} channels cannot form ${groups} groups`)
    expectShape(scale, [channels], 'the scale of a normalisation')
    expectShape(bias, [channels], 'the bias of a normalisation')
    return x
  },
  flops: (_, result) => 8 * elementCount(result),
  evaluate: ({ x, scale, bias }, { groups, epsilon }, shape) => {
    const [batch = 0, channels = 1, ...space] = shape
    const positions = elementCount(space)
    const run = (channels / groups) * positions
    const normalised = new Float64Array(x.data.length)
    for (let i = 0; i < batch * groups; i++) normaliseRun(x.data, normalised, i * run, run, epsilon)
    const data = new Float32Array(x.data.length)
    for (let i = 0; i < data.length; i++) {
      const channel = Math.floor(i / positions) % channels
      data[i] = (normalised[i] ?? 0) * (scale.data[channel] ?? 1) + (bias.data[channel] ?? 0)
    }
    return { shape, data }
  },
}
