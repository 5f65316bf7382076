/** Ops that move data. Sizes known only at run time are copied (0), derived (-1) or read off the graph's inputs. */
import {
  isSymbolic,
  sameDimension,
  sameShape,
  sum,
  type Dimension,
  type Shape,
} from '../../../compiler/ir/dimension.js'
import { elementTypeCode, type Emitter, type Operand } from '../emitter.js'
import type { Lowering } from './lowering.js'

/** `x`, of shape `from`, read as `to`. */
export function reshapeTo(g: Emitter, x: Operand, from: Shape, to: Shape): Operand {
  if (sameShape(from, to)) return x
  const copied = to.map((size, axis): Dimension =>
    isSymbolic(size) && sameDimension(size, from[axis] ?? -1) ? 0 : size,
  )
  const unknown = copied.flatMap((size, axis) => (isSymbolic(size) ? [axis] : []))
  const sizes = unknown.length > 1 ? to : copied.map((size, axis) => (axis === unknown[0] ? -1 : size))
  return g.shaped(g.node('Reshape', [x, g.shape(sizes)]), to)
}

export const reshape: Lowering<'reshape'> = ({ x }, { shape }, g) => reshapeTo(g, x, x.shape, shape)

export const transpose: Lowering<'transpose'> = ({ x }, { permutation }, g) =>
  g.node('Transpose', [x], { perm: permutation })

/** Expand leaves an axis alone where it is asked for size 1. */
export const broadcast: Lowering<'broadcast'> = ({ x }, { shape }, g) => {
  if (sameShape(x.shape, shape)) return x
  const before = shape.length - x.shape.length
  const repeated = shape.map((size, axis) => (sameDimension(size, x.shape[axis - before] ?? -1) ? 1 : size))
  return g.node('Expand', [x, g.shape(repeated)])
}

export const concat: Lowering<'concat'> = ({ a, b }, { axis }, g) => g.node('Concat', [a, b], { axis })

export const slice: Lowering<'slice'> = ({ x }, { axis, start, end }, g) =>
  g.node('Slice', [x, g.integers([start]), g.size(end), g.integers([axis])])

/** The elements along some axes in the opposite order. */
function reversed(g: Emitter, x: Operand, axes: readonly number[]): Operand {
  const all = (value: number) => g.integers(axes.map(() => value))
  return g.node('Slice', [x, all(-1), all(-(2 ** 31)), g.integers(axes), all(-1)])
}

export const reverse: Lowering<'reverse'> = ({ x }, { axes }, g) => reversed(g, x, axes)

/** A reshape to the same shape, which waits for `signal` because a summand of the shape, 0, is made of it. */
export const after: Lowering<'after'> = ({ x, signal }, _, g) => {
  const first = signal.shape.map(() => 0)
  const element =
    signal.shape.length === 0
      ? reshapeTo(g, signal, [], [1])
      : g.node('Reshape', [
          g.node('Slice', [
            signal,
            g.integers(first),
            g.integers(first.map(() => 1)),
            g.integers(first.map((_, axis) => axis)),
          ]),
          g.integers([1]),
        ])
  const nothing = g.node('Mul', [g.node('Cast', [element], { to: elementTypeCode.int64 }, 'int64'), g.integers([0])])
  return g.node('Reshape', [x, g.node('Add', [g.shape(x.shape), nothing])])
}

export const pad: Lowering<'pad'> = ({ x }, { axis, before, to }, g) => {
  const rank = x.shape.length
  const size = x.shape[axis] ?? 0
  if (sameDimension(size, to)) return x
  const zeros = (count: number) => new Array<number>(count).fill(0)
  if (!isSymbolic(size) && !isSymbolic(to)) {
    const behind = zeros(rank - axis - 1)
    return g.node('Pad', [
      x,
      g.integers([...zeros(axis), before, ...behind, ...zeros(axis), to - size - before, ...behind]),
    ])
  }
  const missing = g.node('Sub', [g.size(to), g.size(sum(size, before) ?? size)], {}, 'int64')
  const after = axis === rank - 1 ? [] : [g.integers(zeros(rank - axis - 1))]
  return g.node('Pad', [
    x,
    g.node(
      'Concat',
      [g.integers([...zeros(axis), before, ...zeros(rank - 1)]), missing, ...after],
      { axis: 0 },
      'int64',
    ),
  ])
}

/** The mean of each tile, times its number of elements. */
export const tileSum: Lowering<'tileSum'> = ({ x }, { factor }, g) => {
  const sides = x.shape.slice(2).map(() => factor)
  const means = g.node('AveragePool', [x], { kernel_shape: sides, strides: sides })
  return g.node('Mul', [means, g.scalar(factor ** sides.length, x.elementType)])
}

export const upsample: Lowering<'upsample'> = ({ x }, { factor }, g) => {
  const scales = { shape: [x.shape.length], data: Float32Array.from(x.shape, (_, axis) => (axis < 2 ? 1 : factor)) }
  const nearest = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }
  return g.node('Resize', [x, undefined, g.constant(scales)], nearest)
}

/** Compared with 0, 1, ...: unlike OneHot, every provider has it and no number counts from the end. */
export const oneHot: Lowering<'oneHot'> = ({ x }, { depth }, g) => {
  const labels = g.node('Unsqueeze', [x, g.integers([x.shape.length])])
  const classes = g.integers(Array.from({ length: depth }, (_, label) => label))
  return g.cast(g.node('Equal', [labels, classes], {}, 'bool'), g.options.precision)
}
