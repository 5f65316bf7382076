/**
 * The q-quantile of the last axis, between neighbours by their distance (Hyndman & Fan 1996, definition 7).
 * x: [..., n], n fixed. Result: [..., 1].
 */
import { elementCount } from '../ir/tensor.js'
import { expectFloat, fail, fixedSize, float32, notDifferentiable, type Op } from './op.js'

export interface QuantileAttributes {
  /** From 0 to 1. */
  readonly q: number
}

/** Which of n sorted numbers lies below the quantile, and how far the quantile is on the way to the next. */
export function quantilePlace(q: number, n: number): { readonly below: number; readonly part: number } {
  const place = q * (n - 1)
  const below = Math.min(Math.floor(place), n - 1)
  return { below, part: place - below }
}

export const quantile: Op<['x'], QuantileAttributes> = {
  inputs: ['x'],
  infer: ({ x }, { q }) => {
    expectFloat(x)
    if (!(q >= 0 && q <= 1)) fail(`a quantile lies between 0 and 1, not at ${q}`)
    if (x.shape.length === 0) fail('a quantile needs an axis')
    fixedSize(x, x.shape.length - 1, 'the last axis of a quantile')
    return float32([...x.shape.slice(0, -1), 1])
  },
  gradient: notDifferentiable('quantiles limit samples, and no loss is made of them'),
  flops: ({ x }) => elementCount(x) * Math.ceil(Math.log2(Math.max(2, x.at(-1) ?? 2))),
  evaluate: ({ x }, { q }, shape) => {
    const n = x.shape.at(-1) ?? 1
    const { below, part } = quantilePlace(q, n)
    const data = new Float32Array(elementCount(shape))
    for (let row = 0; row < data.length; row++) {
      const sorted = Float64Array.from(x.data.subarray(row * n, (row + 1) * n)).sort()
      const [low = NaN, high = low] = [sorted[below], sorted[below + 1]]
      data[row] = low + part * (high - low)
    }
    return { shape, data }
  },
}
