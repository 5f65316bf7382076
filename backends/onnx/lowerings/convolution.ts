/** Convolutions and their gradients: where nearly all the time of training goes. Times are of 2 cores. */
import { product, type Shape } from '../../../compiler/ir/dimension.js'
import { paddingOf, type ConvAttributes } from '../../../compiler/ops/conv.js'
import { tapsOf, type ConvWeightGradientAttributes } from '../../../compiler/ops/conv_weight_gradient.js'
import type { Emitter, Operand, ShapedOperand } from '../emitter.js'
import type { NodeAttributes } from '../model.js'
import type { Lowering } from './lowering.js'
import { reshapeTo } from './shapes.js'

export const conv: Lowering<'conv'> = ({ x, weight, bias }, attributes, g) => {
  const space = weight.shape.slice(2).map(Number)
  const settings = {
    kernel_shape: space,
    strides: space.map(() => attributes.stride),
    pads: paddingOf(attributes, space.length),
  }
  const block = blockOf(g, weight.shape, x.shape.slice(2))
  if (block === undefined) return g.node('Conv', [x, weight, bias], settings)
  return blockedConv(g, x, { weight: blockedWeight(g, weight, block), out: Number(weight.shape[0]), bias }, settings)
}

/**
 * A product of matrices for a kernel of one element; where steps were skipped the engine's ConvTranspose; else a
 * convolution with the kernel exchanged and turned.
 */
export const convInputGradient: Lowering<'convInputGradient'> = ({ dy, weight }, attributes, g) => {
  const { stride, space } = attributes
  const kernel = weight.shape.slice(2).map(Number)
  const padding = paddingOf(attributes, kernel.length)
  if (isPointwise(kernel, attributes)) return pointwiseInputGradient(g, dy, weight)
  const ahead = kernel.map((size, i) => size - 1 - (padding[i] ?? 0))
  if (stride > 1 || isCostlyToTurn(weight.shape, space) || ahead.some((edge) => edge < 0)) {
    const reached = space.map((_, i) => (Number(dy.shape[2 + i]) - 1) * stride + (kernel[i] ?? 1))
    const edges = space.map((side, i) => (reached[i] ?? 0) - side - (padding[i] ?? 0))
    return g.node('ConvTranspose', [dy, weight], {
      kernel_shape: kernel,
      strides: kernel.map(() => stride),
      // An edge below 0 is a row that no window reached: it is there, and has no gradient.
      pads: [...padding.slice(0, kernel.length), ...edges.map((edge) => Math.max(0, edge))],
      output_padding: edges.map((edge) => Math.max(0, -edge)),
    })
  }
  const behind = space.map((side, i) => side - Number(dy.shape[2 + i]) + (padding[i] ?? 0))
  const settings = { kernel_shape: kernel, strides: kernel.map(() => 1), pads: [...ahead, ...behind] }
  const block = blockOf(g, weight.shape, space)
  if (block === undefined) return g.node('Conv', [dy, turned(g, weight)], settings)
  return blockedConv(
    g,
    dy,
    { weight: blockedTurned(g, weight, block), out: Number(weight.shape[1]), bias: undefined },
    settings,
  )
}

/** Where ONNX Runtime keeps the operators that work on blocks of channels. */
export const blockedDomain = 'com.microsoft.nchwc'

/**
 * The block of channels for ONNX Runtime's own convolution, which it takes by itself where weights are constants. Where
 * they are not they have to be arranged in each step, which pays (a sixth of the time) where positions are many and
 * channels so few that the batch will be large.
 */
function blockOf(g: Emitter, [out = 0, channels = 0, ...kernel]: Shape, space: Shape): number | undefined {
  const { channelBlock: block, trains, precision } = g.options
  if (block === undefined || trains !== true || precision !== 'float32' || kernel.length !== 2) return undefined
  const fits = Number(out) % block === 0 && Number(channels) % block === 0 && Number(product(kernel)) > 1
  const pays = Number(product(space)) >= 16 * 16 && Number(out) * Number(channels) < 512 * 512
  return fits && pays ? block : undefined
}

interface BlockedWeight {
  readonly weight: Operand
  readonly out: number
  readonly bias: Operand | undefined
}

function blockedConv(g: Emitter, x: Operand, { weight, out, bias }: BlockedWeight, settings: NodeAttributes): Operand {
  const own = (opType: string, inputs: readonly (Operand | undefined)[], attributes: NodeAttributes) =>
    g.nodeOf(opType, inputs, attributes, ['float32'], blockedDomain)[0] ?? x
  const blocked = own('ReorderInput', [x], { channels_last: 0 })
  const result = own('Conv', [blocked, weight, bias], { ...settings, dilations: [1, 1], group: 1 })
  return own('ReorderOutput', [result], { channels: out, channels_last: 0 })
}

/** A kernel as [out / block, in / block, ...kernel, block of in, block of out], read in its own shape. */
function blockedWeight(g: Emitter, weight: ShapedOperand, block: number): Operand {
  const [out = 0, channels = 0, ...kernel] = weight.shape.map(Number)
  const parts = [out / block, block, channels / block, block, ...kernel]
  const split = reshapeTo(g, weight, weight.shape, parts)
  const arranged = g.node('Transpose', [split], { perm: [0, 2, 4, 5, 3, 1] })
  return g.node('Reshape', [arranged, g.integers([out, channels, ...kernel])])
}

/** As blockedWeight, of the kernel exchanged and turned. */
function blockedTurned(g: Emitter, weight: ShapedOperand, block: number): Operand {
  const [out = 0, channels = 0, ...kernel] = weight.shape.map(Number)
  const size = Number(product(kernel))
  const split = reshapeTo(g, weight, weight.shape, [out / block, block, channels / block, block, size])
  const arranged = g.node('Transpose', [split], { perm: [2, 0, 4, 1, 3] })
  const backwards = [[-1], [-(2 ** 31)], [2], [-1]].map((list) => g.integers(list))
  return g.node('Reshape', [g.node('Slice', [arranged, ...backwards]), g.integers([channels, out, ...kernel])])
}

/**
 * Whether turning a kernel costs more than ConvTranspose, which is slower than a convolution: at few positions, and so
 * many channels that the batch will be small (768 at 16 x 16: 17 ms against 19; 128 in a batch of 16: 7.8 against 6.2).
 */
function isCostlyToTurn([out = 0, channels = 0]: Shape, space: readonly number[]): boolean {
  return Number(product(space)) <= 16 * 16 && Number(out) * Number(channels) >= 512 * 512
}

/** Whether a convolution applies the same matrix to every position. */
function isPointwise(kernel: readonly number[], attributes: ConvAttributes): boolean {
  const isPadded = paddingOf(attributes, kernel.length).some((edge) => edge !== 0)
  return attributes.stride === 1 && !isPadded && kernel.every((size) => size === 1)
}

function pointwiseInputGradient(g: Emitter, dy: ShapedOperand, weight: ShapedOperand): Operand {
  const [batch = 0, out = 0, ...space] = dy.shape
  const channels = weight.shape[1] ?? 0
  const positions = product(space)
  const matrix = reshapeTo(g, weight, weight.shape, [out, channels])
  const flat = reshapeTo(g, dy, dy.shape, [batch, out, positions])
  const gradient = g.node('MatMul', [g.node('Transpose', [matrix], { perm: [1, 0] }), flat])
  return reshapeTo(g, gradient, [batch, channels, positions], [batch, channels, ...space])
}

/**
 * A kernel with inputs and outputs exchanged, and turned by half a circle: its elements in the opposite order, by a
 * product with zeros and ones, which takes a third of the time of a Slice with negative steps.
 */
function turned(g: Emitter, weight: ShapedOperand): Operand {
  const [out = 0, channels = 0, ...kernel] = weight.shape
  const size = Number(product(kernel))
  const flat = reshapeTo(g, weight, weight.shape, [out, channels, size])
  const exchanged = g.node('Transpose', [flat], { perm: [1, 0, 2] })
  // ONNX Runtime 1.30 crashes as it optimises such a product in float16 in front of a convolution.
  if (weight.elementType === 'float16') {
    const backwards = [[-1], [-(2 ** 31)], [2], [-1]].map((list) => g.integers(list))
    return reshapeTo(g, g.node('Slice', [exchanged, ...backwards]), [channels, out, size], [channels, out, ...kernel])
  }
  const isOpposite = (at: number) => Math.floor(at / size) + (at % size) === size - 1
  const opposites = Float32Array.from({ length: size * size }, (_, at) => (isOpposite(at) ? 1 : 0))
  const matrix = g.cast(g.constant({ shape: [size, size], data: opposites }), weight.elementType)
  return reshapeTo(g, g.node('MatMul', [exchanged, matrix]), [channels, out, size], [channels, out, ...kernel])
}

/** The inputs that a kernel element sees, and the gradients of what it wrote to, in the same order. */
interface Tap {
  readonly seen: ShapedOperand
  readonly written: ShapedOperand
}

/**
 * For each kernel element one product of matrices. The examples of a batch are summed within it where bringing them
 * together costs less than adding up their products: where channels are many and positions few.
 */
export const convWeightGradient: Lowering<'convWeightGradient'> = ({ x, dy }, attributes, g) => {
  const [, out = 0, ...space] = dy.shape
  const channels = x.shape[1] ?? 0
  const { kernel, stride } = attributes
  const size = Number(product(kernel))
  const moved = (Number(out) + Number(channels)) * Number(product(space))
  const isTogether = Number(out) * Number(channels) * size > moved
  const arranged = (value: ShapedOperand) => (isTogether ? channelsFirst(g, value) : value)
  const taps = (stride === 1 ? shiftedTaps : sampledTaps)(g, arranged(x), arranged(dy), attributes)
  const products = taps.map((tap) => {
    const [seen, written] = isTogether
      ? [asMatrix(g, tap.seen), asMatrix(g, tap.written)]
      : [perExample(g, tap.seen), perExample(g, tap.written)]
    const across = isTogether ? [1, 0] : [0, 2, 1]
    const shape = [...written.shape.slice(0, -1), channels]
    const total = g.node('MatMul', [written, g.node('Transpose', [seen], { perm: across })])
    return size === 1 ? total : reshapeTo(g, total, shape, [...shape, 1])
  })
  const [only] = products
  const joined = size === 1 && only ? only : g.node('Concat', products, { axis: isTogether ? 2 : 3 })
  const summed = isTogether ? joined : g.node('ReduceSum', [joined, g.integers([0])], { keepdims: 0 })
  return reshapeTo(g, summed, size === 1 ? [out, channels] : [out, channels, size], [out, channels, ...kernel])
}

/** [batch, channels, ...space] as [channels, batch, ...space]. */
function channelsFirst(g: Emitter, x: ShapedOperand): ShapedOperand {
  const [batch = 0, channels = 0, ...space] = x.shape
  const perm = x.shape.map((_, axis) => (axis < 2 ? 1 - axis : axis))
  return { ...g.node('Transpose', [x], { perm }), shape: [channels, batch, ...space] }
}

function asMatrix(g: Emitter, x: ShapedOperand): ShapedOperand {
  const [channels = 0, ...rest] = x.shape
  const shape = [channels, product(rest)]
  return { ...reshapeTo(g, x, x.shape, shape), shape }
}

function perExample(g: Emitter, x: ShapedOperand): ShapedOperand {
  const [batch = 0, channels = 0, ...space] = x.shape
  const shape = [batch, channels, product(space)]
  return { ...reshapeTo(g, x, x.shape, shape), shape }
}

/**
 * Taps of a convolution that skips nothing. The inputs move along the last axis, the results along the others: so a
 * kernel of 3 x 3 needs three copies of each instead of nine of the inputs (512 channels at 32 x 32: 27 ms, not 32).
 */
function shiftedTaps(g: Emitter, x: ShapedOperand, dy: ShapedOperand, attributes: ConvWeightGradientAttributes): Tap[] {
  const { kernel } = attributes
  const last = kernel.length - 1
  const padded = surrounded(g, x, attributes)
  const width = Number(dy.shape[2 + last])
  const seen = Array.from({ length: kernel[last] ?? 1 }, (_, at): ShapedOperand => {
    const shape = [...padded.shape.slice(0, -1), width]
    if (kernel[last] === 1) return padded
    return { ...g.node('Slice', [padded, ...[[at], [at + width], [2 + last]].map((list) => g.integers(list))]), shape }
  })
  const ahead = kernel.slice(0, last)
  return tapsOf(ahead).flatMap((tap) => {
    const written = withZeros(
      g,
      dy,
      tap,
      ahead.map((size, i) => size - 1 - (tap[i] ?? 0)),
    )
    return seen.map((part) => ({ seen: part, written }))
  })
}

/** Taps of a convolution with a stride. */
function sampledTaps(g: Emitter, x: ShapedOperand, dy: ShapedOperand, attributes: ConvWeightGradientAttributes): Tap[] {
  const { kernel, stride } = attributes
  const space = dy.shape.slice(2).map(Number)
  const padded = surrounded(g, x, attributes)
  return tapsOf(kernel).map((tap) => {
    const ends = tap.map((start, i) => start + ((space[i] ?? 1) - 1) * stride + 1)
    const lists = [tap, ends, kernel.map((_, i) => 2 + i), kernel.map(() => stride)]
    const seen = g.node('Slice', [padded, ...lists.map((list) => g.integers(list))])
    return { seen: { ...seen, shape: [...padded.shape.slice(0, 2), ...space] }, written: dy }
  })
}

function surrounded(g: Emitter, x: ShapedOperand, attributes: ConvWeightGradientAttributes): ShapedOperand {
  const axes = attributes.kernel.length
  const padding = paddingOf(attributes, axes)
  return withZeros(g, x, padding.slice(0, axes), padding.slice(axes))
}

/** Zeros around the axes from the third on, as many as are given. */
function withZeros(g: Emitter, x: ShapedOperand, before: readonly number[], after: readonly number[]): ShapedOperand {
  if ([...before, ...after].every((count) => count === 0)) return x
  const edges = (counts: readonly number[]) => x.shape.map((_, axis) => counts[axis - 2] ?? 0)
  const shape = x.shape.map((size, axis) =>
    axis < 2 ? size : Number(size) + (before[axis - 2] ?? 0) + (after[axis - 2] ?? 0),
  )
  return { ...g.node('Pad', [x, g.integers([...edges(before), ...edges(after)])]), shape }
}
