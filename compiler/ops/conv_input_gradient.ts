/**
 * The gradient of a convolution with respect to its input: the transposed convolution (Dumoulin & Visin 2016,
 * section 4). dy: [batch, out, ...space'], weight: [out, in, ...kernel]. Result: [batch, in, ...space].
 */
import { sameShape } from '../ir/dimension.js'
import type { Value } from '../ir/graph.js'
import { elementCount, type Tensor } from '../ir/tensor.js'
import { conv, paddingOf, type ConvAttributes } from './conv.js'
import type { Builder } from './index.js'
import { expectFloat, fail, fixedSize, float32, type Op } from './op.js'
import { reverse } from './reverse.js'
import { transpose } from './transpose.js'

export interface ConvInputGradientAttributes extends ConvAttributes {
  /** The sides of the convolution's input. */
  readonly space: readonly number[]
}

export const convInputGradient: Op<['dy', 'weight'], ConvInputGradientAttributes> = {
  inputs: ['dy', 'weight'],
  infer: ({ dy, weight }, attributes) => {
    expectFloat(dy, weight)
    const [batch = 0] = dy.shape
    const result = float32([batch, weight.shape[1] ?? 0, ...attributes.space])
    const forward = conv.infer({ x: result, weight }, attributes)
    if (!sameShape(forward.shape, dy.shape)) fail('the gradient of a convolution does not have the shape of its result')
    return result
  },
  decompose: ({ dy, weight }, attributes, b) => {
    const { spread, edges } = spreadOut(dy, weight.type.shape.slice(2).map(Number), attributes, b)
    return b.conv(spread, turned(weight, b), undefined, { stride: 1, padding: edges })
  },
  gradient: ({ dy: given, weight }, dy, { attributes: { stride, padding }, b }) => ({
    dy: b.conv(dy, weight, undefined, { stride, padding }),
    weight: b.convWeightGradient(dy, given, { stride, padding, kernel: weight.type.shape.slice(2).map(Number) }),
  }),
  flops: ({ dy, weight }) => 2 * elementCount(dy) * elementCount(weight.slice(1)),
  evaluate: ({ dy, weight }, attributes, shape) => {
    const { stride, space } = attributes
    const kernel = weight.shape.slice(2)
    const padding = paddingOf(attributes, space.length)
    const edges = kernel.map((size, i) => size - 1 - (padding[i] ?? 0))
    // Zeros between the elements, and around them as the turned kernel needs them.
    const sides = space.map((side, i) => side + (kernel[i] ?? 1) - 1)
    const wide = spreadInto(dy, sides, edges, stride)
    return conv.evaluate({ x: wide, weight: turnedTensor(weight) }, { stride: 1, padding: 0 }, shape)
  },
}

/** The kernel with inputs and outputs exchanged, and turned by half a circle. */
function turned(weight: Value, b: Builder): Value {
  const axes = weight.type.shape.map((_, axis) => axis)
  const exchanged = b.transpose(weight, { permutation: [1, 0, ...axes.slice(2)] })
  const turning = axes.slice(2).filter((axis) => weight.type.shape[axis] !== 1)
  return turning.length === 0 ? exchanged : b.reverse(exchanged, { axes: turning })
}

function turnedTensor(weight: Tensor): Tensor {
  const axes = weight.shape.map((_, axis) => axis)
  const permutation = [1, 0, ...axes.slice(2)]
  const exchanged = transpose.evaluate(
    { x: weight },
    { permutation },
    permutation.map((axis) => weight.shape[axis] ?? 0),
  )
  return reverse.evaluate({ x: exchanged }, { axes: axes.slice(2) }, exchanged.shape)
}

/** dy with stride - 1 zeros behind each element, cut where they are too many, and the padding that is still missing. */
function spreadOut(
  dy: Value,
  kernel: readonly number[],
  attributes: ConvInputGradientAttributes,
  b: Builder,
): { spread: Value; edges: readonly number[] } {
  const { stride, space } = attributes
  const padding = paddingOf(attributes, space.length)
  const before = kernel.map((size, i) => size - 1 - (padding[i] ?? 0))
  let spread = dy
  const after = space.map((side, i) => {
    const axis = 2 + i
    const length = fixedSize(dy.type, axis, 'a side') * stride
    if (stride > 1) {
      const lead = spread.type.shape.slice(0, axis + 1)
      const rest = spread.type.shape.slice(axis + 1)
      const apart = b.pad(b.reshape(spread, { shape: [...lead, 1, ...rest] }), {
        axis: axis + 1,
        before: 0,
        to: stride,
      })
      spread = b.reshape(apart, { shape: [...lead.slice(0, -1), length, ...rest] })
    }
    const missing = side - length + (padding[i] ?? 0)
    const [start, end] = [Math.max(0, -(before[i] ?? 0)), length + Math.min(0, missing)]
    if (start > 0 || end < length) spread = b.slice(spread, { axis, start, end })
    return Math.max(0, missing)
  })
  return { spread, edges: [...before.map((edge) => Math.max(0, edge)), ...after] }
}

/** Element i of dy along an axis at `edge + i * stride` of a tensor of zeros with these sides, where it lies inside. */
function spreadInto(dy: Tensor, sides: readonly number[], edges: readonly number[], stride: number): Tensor {
  const [batch = 0, channels = 0, ...space] = dy.shape
  const shape = [batch, channels, ...sides]
  const data = new Float32Array(elementCount(shape))
  const flat = space.length === 1
  const [height, width] = flat ? [1, space[0] ?? 1] : [space[0] ?? 1, space[1] ?? 1]
  const [tall, wide] = flat ? [1, sides[0] ?? 1] : [sides[0] ?? 1, sides[1] ?? 1]
  const [top, left] = flat ? [0, edges[0] ?? 0] : [edges[0] ?? 0, edges[1] ?? 0]
  for (let at = 0; at < dy.data.length; at++) {
    const row = top + (Math.floor(at / width) % height) * stride
    const column = left + (at % width) * stride
    if (row < 0 || column < 0 || row >= tall || column >= wide) continue
    data[(Math.floor(at / (width * height)) * tall + row) * wide + column] = dy.data[at] ?? 0
  }
  return { shape, data }
}
