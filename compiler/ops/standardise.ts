/** Mean 0 and variance 1 along the last axis: (x - mean) / sqrt(variance + epsilon). x: any shape, float. Result: as x. */
import type { Value } from '../ir/graph.js'
import { elementCount } from '../ir/tensor.js'
import type { Builder } from './index.js'
import { normaliseRun } from './normalise.js'
import { expectFloat, fail, type Op } from './op.js'

export interface StandardiseAttributes {
  readonly epsilon: number
}

export const standardise: Op<['x'], StandardiseAttributes> = {
  inputs: ['x'],
  infer: ({ x }) => {
    expectFloat(x)
    return x.shape.length > 0 ? x : fail('a mean needs an axis')
  },
  decompose: ({ x }, { epsilon }, b) => {
    const deviation = fromMean(x, b)
    return b.mul(deviation, inverseDeviation(deviation, epsilon, b))
  },
  gradient: ({ x }, dy, { y, attributes, b }) => ({ x: standardiseGradient(x, y, dy, attributes, b) }),
  flops: (_, result) => 6 * elementCount(result),
  evaluate: ({ x }, { epsilon }, shape) => {
    const length = shape.at(-1) ?? 1
    const normalised = new Float64Array(x.data.length)
    for (let at = 0; at < normalised.length; at += length) normaliseRun(x.data, normalised, at, length, epsilon)
    return { shape, data: Float32Array.from(normalised) }
  },
}

/** (dy - mean(dy) - y mean(y dy)) / deviation, for y = standardise(x). */
export function standardiseGradient(
  x: Value,
  y: Value,
  dy: Value,
  { epsilon }: StandardiseAttributes,
  b: Builder,
): Value {
  const mean = (of: Value) => b.mean(of, { axes: [x.type.shape.length - 1], keep: true })
  const centred = b.sub(b.sub(dy, mean(dy)), b.mul(y, mean(b.mul(dy, y))))
  return b.mul(centred, inverseDeviation(fromMean(x, b), epsilon, b))
}

/** x less its mean along the last axis. A mean is rounded too: a second one takes off what the first one missed. */
export function fromMean(x: Value, b: Builder): Value {
  const lessMean = (value: Value) => b.sub(value, b.mean(value, { axes: [x.type.shape.length - 1], keep: true }))
  return lessMean(lessMean(x))
}

/** 1 / sqrt(variance + epsilon) along the last axis, [..., 1], of numbers whose mean has been taken off. */
export function inverseDeviation(deviation: Value, epsilon: number, b: Builder): Value {
  const variance = b.mean(b.mul(deviation, deviation), { axes: [deviation.type.shape.length - 1], keep: true })
  return b.div(1, b.sqrt(b.add(variance, epsilon)))
}
