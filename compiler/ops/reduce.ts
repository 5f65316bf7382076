/** What sums and means share: one number for all elements along some axes. */
import { elementCount, type Tensor } from '../ir/tensor.js'
import { walk } from './elementwise.js'
import type { Value } from '../ir/graph.js'
import type { Builder } from './index.js'
import { expectFloat, fail, float32, type Gradient, type Op } from './op.js'

export interface ReduceAttributes {
  readonly axes: readonly number[]
  /** Whether the axes stay, with size 1. */
  readonly keep: boolean
}

/** The gradient of a sum: `dy` repeated along the axes that were summed. */
export function repeated(x: Value, dy: Value, { axes }: ReduceAttributes, b: Builder): Value {
  const kept = x.type.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
  return b.broadcast(b.reshape(dy, { shape: kept }), { shape: x.type.shape })
}

/** An op that adds up the elements along `axes` and divides the total by `divisor(count)`. */
export function reduction(
  divisor: (count: number) => number,
  gradient: Gradient<['x'], ReduceAttributes>,
): Op<['x'], ReduceAttributes> {
  return {
    inputs: ['x'],
    infer: ({ x }, { axes, keep }) => {
      expectFloat(x)
      if (axes.some((axis) => axis < 0 || axis >= x.shape.length))
        fail(`there is no axis ${axes.join(', ')} in a tensor of ${x.shape.length}`)
      return float32(
        x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size)).filter((_, axis) => keep || !axes.includes(axis)),
      )
    },
    gradient,
    flops: ({ x }) => elementCount(x),
    evaluate: ({ x }, { axes }, shape) => {
      const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
      const totals: Tensor = { shape: kept, data: new Float64Array(elementCount(kept)) }
      walk([totals], x.shape, (at, i) => {
        totals.data[i] = (totals.data[i] ?? 0) + (x.data[at] ?? 0)
      })
      const by = divisor(elementCount(x.shape) / Math.max(1, totals.data.length))
      return { shape, data: Float32Array.from(totals.data, (total) => total / by) }
    },
  }
}
