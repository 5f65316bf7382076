/**
 * Group normalisation (Wu & He 2018, eq. 1): mean 0 and variance 1 over each group of channels and all positions of
 * one example, then scale and bias per channel. x: [batch, channels, ...space], scale and bias: [channels]. Result: as x.
 */
import { elementCount } from '../ir/tensor.js'
import { normaliseRun } from './normalise.js'
import { product } from '../ir/dimension.js'
import type { Value } from '../ir/graph.js'
import type { Builder } from './index.js'
import { countOf } from './mean.js'
import { expectFloat, expectShape, fail, fixedSize, type Op } from './op.js'
import { fromMean, inverseDeviation } from './standardise.js'

export interface GroupNormAttributes {
  readonly groups: number
  readonly epsilon: number
}

/** x with all numbers of a group along the last axis: [batch, groups, numbers]. */
function inGroups(x: Value, { groups }: GroupNormAttributes, b: Builder): Value {
  const [batch = 0, channels = 0, ...space] = x.type.shape
  return b.reshape(x, { shape: [batch, groups, product([Number(channels) / groups, ...space])] })
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
  decompose: ({ x, scale, bias }, attributes, b) => {
    const [, channels = 0, ...space] = x.type.shape
    const perChannel = (value: Value) => b.reshape(value, { shape: [channels, ...space.map(() => 1)] })
    const unit = b.reshape(b.standardise(inGroups(x, attributes, b), { epsilon: attributes.epsilon }), {
      shape: x.type.shape,
    })
    return b.add(b.mul(unit, perChannel(scale)), perChannel(bias))
  },
  /**
   * With u = standardise(x), r = 1 / deviation and g = dy scale: dx = r (g - mean(g) - u mean(g u)), means over a
   * group. The means are made of sums per channel, which scale and bias need as well.
   */
  gradient: ({ x, scale }, dy, { attributes, b }) => {
    const { groups, epsilon } = attributes
    const [batch = 0, channels = 0, ...space] = x.type.shape
    const places = product(space)
    const width = Number(channels) / groups
    const grouped = inGroups(x, attributes, b)
    const inChannels = (value: Value) => b.reshape(value, { shape: [batch, groups, width, places] })
    const [unit, g] = [inChannels(b.standardise(grouped, { epsilon })), inChannels(dy)]
    const sum = (value: Value) => b.sum(value, { axes: [3], keep: false })
    const [sums, products] = [sum(g), sum(b.mul(g, unit))]
    const scales = b.reshape(scale, { shape: [groups, width] })
    const inverse = b.reshape(inverseDeviation(fromMean(grouped, b), epsilon, b), { shape: [batch, groups, 1, 1] })
    const count = countOf(grouped, [2], b)
    const meanOf = (value: Value) => {
      const total = b.sum(b.mul(value, scales), { axes: [2], keep: true })
      return b.reshape(b.div(total, count), { shape: [batch, groups, 1, 1] })
    }
    const factors = b.mul(inverse, b.reshape(scale, { shape: [groups, width, 1] }))
    const constant = b.mul(inverse, meanOf(sums))
    const linear = b.mul(unit, b.mul(inverse, meanOf(products)))
    const perChannel = (value: Value) => b.reshape(b.sum(value, { axes: [0], keep: false }), { shape: [channels] })
    return {
      x: b.reshape(b.sub(b.sub(b.mul(g, factors), linear), constant), { shape: x.type.shape }),
      scale: perChannel(products),
      bias: perChannel(sums),
    }
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
