/** Ops that multiply matrices: where nearly all the time goes. */
import { paddingOf, type ConvAttributes } from '../../../compiler/ops/conv.js'
import { tapsOf } from '../../../compiler/ops/conv_weight_gradient.js'
import { fixedSize } from '../../../compiler/ops/op.js'
import type { Emitter, Operand, ShapedOperand } from '../emitter.js'
import type { Lowering } from './lowering.js'
import { elementsFrom, reshapeTo, reversed } from './shapes.js'

export const conv: Lowering<'conv'> = ({ x, weight, bias }, attributes, g) => {
  const space = weight.shape.slice(2).map(Number)
  return g.node('Conv', [x, weight, bias], {
    kernel_shape: space,
    strides: space.map(() => attributes.stride),
    pads: paddingOf(attributes, space.length),
  })
}

/** Below this many positions ConvTranspose is faster than a convolution with the turned kernel (measured, 2 cores). */
const transposedUpTo = 16 * 16

/** Where steps were skipped the engine's ConvTranspose, else a convolution with the kernel exchanged and turned. */
export const convInputGradient: Lowering<'convInputGradient'> = ({ dy, weight }, attributes, g) => {
  const { stride, space } = attributes
  const kernel = weight.shape.slice(2).map(Number)
  const padding = paddingOf(attributes, kernel.length)
  const positions = space.reduce((count, side) => count * side, 1)
  const ahead = kernel.map((size, i) => size - 1 - (padding[i] ?? 0))
  if (stride > 1 || positions <= transposedUpTo || ahead.some((edge) => edge < 0)) {
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
  return g.node('Conv', [dy, turned(g, weight, kernel)], {
    kernel_shape: kernel,
    strides: kernel.map(() => 1),
    pads: [...ahead, ...behind],
  })
}

/** A kernel with inputs and outputs exchanged, and turned by half a circle. */
function turned(g: Emitter, weight: Operand, kernel: readonly number[]): Operand {
  const axes = kernel.map((_, i) => 2 + i)
  const exchanged = g.node('Transpose', [weight], { perm: [1, 0, ...axes] })
  return kernel.every((size) => size === 1) ? exchanged : reversed(g, exchanged, axes)
}

/** For each kernel element the inputs that it sees, times the gradients of what it wrote to. */
export const convWeightGradient: Lowering<'convWeightGradient'> = ({ x, dy }, attributes, g) => {
  const { kernel, stride } = attributes
  const [batch = 0, out = 0, ...space] = dy.shape
  const channels = x.shape[1] ?? 0
  const positions = elementsFrom(dy.shape, 2)
  const results = reshapeTo(g, dy, dy.shape, [batch, out, positions])
  const padded = surrounded(g, x, attributes, kernel.length)
  const taps = tapsOf(kernel).map((tap) => {
    const every = kernel.map(() => stride)
    const ends = tap.map((start, i) => start + (Number(space[i]) - 1) * stride + 1)
    const axes = g.integers(kernel.map((_, i) => 2 + i))
    const whole = stride === 1 && kernel.every((size) => size === 1)
    const seen = whole ? padded : g.node('Slice', [padded, g.integers(tap), g.integers(ends), axes, g.integers(every)])
    const flat = reshapeTo(g, seen, [batch, channels, ...space], [batch, channels, positions])
    const products = g.node('MatMul', [results, g.node('Transpose', [flat], { perm: [0, 2, 1] })])
    const total = g.node('ReduceSum', [products, g.integers([0])], { keepdims: 0 })
    return reshapeTo(g, total, [out, channels], [out, channels, 1])
  })
  const [only] = taps
  const joined = taps.length === 1 && only ? only : g.node('Concat', taps, { axis: 2 })
  return reshapeTo(g, joined, [out, channels, taps.length], [out, channels, ...kernel])
}

function surrounded(g: Emitter, x: ShapedOperand, attributes: ConvAttributes, axes: number): Operand {
  const padding = paddingOf(attributes, axes)
  if (padding.every((edge) => edge === 0)) return x
  return g.node('Pad', [x, g.integers([0, 0, ...padding.slice(0, axes), 0, 0, ...padding.slice(axes)])])
}

/** The transposition of a stored weight is done once, when the model is loaded. */
export const linear: Lowering<'linear'> = ({ x, weight, bias }, _, g) => {
  if (x.shape.length === 2) return g.node('Gemm', [x, weight, bias], { transB: 1 })
  const product = g.node('MatMul', [x, g.node('Transpose', [weight], { perm: [1, 0] })])
  return bias === undefined ? product : g.node('Add', [product, bias])
}

/** Added to the score of a hidden key, as the op has it. */
const hiddenScore = -1e30

/** As the op's decomposition, with scores, mask and softmax in float32 also where the products are in float16. */
export const attention: Lowering<'attention'> = ({ q, k, v, mask }, _, g) => {
  const features = fixedSize({ dataType: 'float32', shape: q.shape }, 3, 'the axis of features of attention')
  const compute = g.options.precision
  const keys = g.node('Transpose', [g.cast(k, compute)], { perm: [0, 1, 3, 2] })
  const queries = g.cast(q, compute)
  const scaled = g.node('Mul', [queries, g.scalar(features ** -0.5, compute)])
  let scores = g.cast(g.node('MatMul', [scaled, keys]), 'float32')
  if (mask !== undefined) {
    const [batch = 0, count = 0] = mask.shape
    const unseen = g.node('Equal', [mask, g.scalar(0, mask.elementType)], {}, 'bool')
    const bias = g.node('Where', [unseen, g.scalar(hiddenScore, 'float32'), g.scalar(0, 'float32')], {}, 'float32')
    scores = g.node('Add', [scores, reshapeTo(g, bias, [batch, count], [batch, 1, 1, count])])
  }
  const weights = g.cast(g.node('Softmax', [scores], { axis: -1 }), compute)
  return g.node('MatMul', [weights, g.cast(v, compute)])
}
