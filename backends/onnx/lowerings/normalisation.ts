/**
 * Normalisations and reductions. Statistics are taken in float32 of numbers whose mean has been taken off:
 * ONNX Runtime's LayerNormalization and GroupNorm use E[x^2] - E[x]^2, which loses all digits where the mean
 * is far from 0, and a mean summed in float32 is itself off by some 1e-6 of its size.
 */
import type { Emitter, Operand } from '../emitter.js'
import type { Lowering } from './lowering.js'
import { elementsFrom, reshapeTo } from './shapes.js'

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

/** InstanceNormalization sees a group as one channel; it takes off what the first mean missed. */
export const groupNorm: Lowering<'groupNorm'> = ({ x, scale, bias }, { groups, epsilon }, g) => {
  const [batch = 0, channels = 0, ...space] = x.shape
  const grouped = [batch, groups, elementsFrom([Number(channels) / groups, ...space], 0)]
  const wide = g.cast(reshapeTo(g, x, x.shape, grouped), 'float32')
  const unit = [g.filled(1, groups, 'float32'), g.filled(0, groups, 'float32')]
  const normal = g.node('InstanceNormalization', [takeOffMean(g, wide, 2), ...unit], { epsilon: { float: epsilon } })
  const narrow = reshapeTo(g, g.cast(normal, x.elementType), grouped, x.shape)
  const perChannel = (value: Operand) => reshapeTo(g, value, [channels], [channels, ...space.map(() => 1)])
  return g.node('Add', [g.node('Mul', [narrow, perChannel(scale)]), perChannel(bias)])
}

/** d * d and not Pow(d, 2), which ONNX Runtime would take for the pattern of its own LayerNormalization. */
export const layerNorm: Lowering<'layerNorm'> = ({ x, scale, bias }, { epsilon }, g) => {
  const axis = x.shape.length - 1
  const deviation = takeOffMean(g, takeOffMean(g, g.cast(x, 'float32'), axis), axis)
  const variance = reduce(g, 'ReduceMean', g.node('Mul', [deviation, deviation]), [axis], true)
  const normal = g.node('Div', [deviation, g.node('Sqrt', [g.node('Add', [variance, g.scalar(epsilon, 'float32')])])])
  const narrow = g.cast(normal, x.elementType)
  const scaled = scale === undefined ? narrow : g.node('Mul', [narrow, scale])
  return bias === undefined ? scaled : g.node('Add', [scaled, bias])
}
