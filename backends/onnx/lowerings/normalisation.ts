/**
 * Normalisations and reductions. Statistics are taken in float32 of numbers whose mean has been taken off:
 * ONNX Runtime's LayerNormalization and GroupNorm use E[x^2] - E[x]^2, which loses all digits where the mean
 * is far from 0, and a mean summed in float32 is itself off by some 1e-6 of its size.
 */
import type { Emitter, Operand } from '../emitter.js'
import type { Lowering } from './lowering.js'

export function reduce(
  g: Emitter,
  opType: 'ReduceMean' | 'ReduceSum' | 'ReduceMin',
  x: Operand,
  axes: readonly number[],
  keep: boolean,
): Operand {
  if (axes.length === 0) return x
  const keepdims = keep ? 1 : 0
  const axesAreInput = opType === 'ReduceSum' || g.options.opset >= 18
  return axesAreInput ? g.node(opType, [x, g.integers(axes)], { keepdims }) : g.node(opType, [x], { axes, keepdims })
}

export const mean: Lowering<'mean'> = ({ x }, { axes, keep }, g) => reduce(g, 'ReduceMean', x, axes, keep)
export const sum: Lowering<'sum'> = ({ x }, { axes, keep }, g) => reduce(g, 'ReduceSum', x, axes, keep)

function takeOffMean(g: Emitter, x: Operand, axis: number): Operand {
  return g.node('Sub', [x, reduce(g, 'ReduceMean', x, [axis], true)])
}

/**
 * InstanceNormalization sees each row as one channel, where their number is known; it takes off what the first mean
 * missed. Elsewhere d * d and not Pow(d, 2), which ONNX Runtime would take for the pattern of its own
 * LayerNormalization.
 */
export const standardise: Lowering<'standardise'> = ({ x }, { epsilon }, g) => {
  const axis = x.shape.length - 1
  const wide = takeOffMean(g, g.cast(x, 'float32'), axis)
  const rows = x.shape[1]
  if (x.shape.length === 3 && typeof rows === 'number') {
    const unit = [g.filled(1, rows, 'float32'), g.filled(0, rows, 'float32')]
    return g.cast(g.node('InstanceNormalization', [wide, ...unit], { epsilon: { float: epsilon } }), x.elementType)
  }
  const deviation = takeOffMean(g, wide, axis)
  const variance = reduce(g, 'ReduceMean', g.node('Mul', [deviation, deviation]), [axis], true)
  const root = g.node('Sqrt', [g.node('Add', [variance, g.scalar(epsilon, 'float32')])])
  return g.cast(g.node('Div', [deviation, root]), x.elementType)
}
