/**
 * Convolutions and what else sees a map as one: tfjs wants channels last, kernels as [height, width, in, out]. An op
 * over one axis is one over two, of which the first has size 1.
 */
import { multiply, product, type Dimension } from '../../../compiler/ir/dimension.js'
import { paddingOf, type ConvAttributes } from '../../../compiler/ops/conv.js'
import { code, type Code, type Variable } from '../code.js'
import type { Emitter } from '../emitter.js'
import { plainAxes, sizesOf, type Axes, type Groups, type Part } from '../layout.js'
import { Operand, type StoredTensor } from '../operand.js'
import type { Lowering } from './lowering.js'
import { rowsByMatrix } from './products.js'

/** [batch, channels, ...space] as [batch, height, width, channels]. */
function channelsLast(axes: Axes): Groups {
  const [batch = [], channels = [], ...space] = axes
  return [batch, ...plane(space, []), channels]
}

/** Two entries for the two axes of space. */
function plane<T>(space: readonly T[], single: T): [T, T] {
  const [first = single, second] = space
  return second === undefined ? [single, first] : [first, second]
}

/** All of a map's positions, example by example. */
function positionsOf({ axes: [batch = [], , ...space] }: Operand): readonly Part[] {
  return [...batch, ...space.flat()]
}

/** The axes of a result whose batch is that of `x`, and the channels those given. */
function resultAxes(x: Operand, channels: readonly Part[], shape: readonly Dimension[]): Axes {
  return [x.axis(0), channels, ...plainAxes(shape.slice(2))]
}

/** Padding before and after each of the two axes of space. */
type Edges = readonly (readonly [number, number])[]

function edgesOf(attributes: ConvAttributes, axes: number): Edges {
  const padding = paddingOf(attributes, axes)
  const edges = Array.from({ length: axes }, (_, i) => [padding[i] ?? 0, padding[i + axes] ?? 0] as const)
  return plane(edges, [0, 0])
}

/** Whether each position is seen by itself, through a kernel of one element. */
function isPointwise(kernel: Axes, stride: number, edges: Edges): boolean {
  return stride === 1 && kernel.flat().length === 0 && edges.flat().every((edge) => edge === 0)
}

export const conv: Lowering<'conv'> = ({ x, weight, bias }, attributes, g, type) => {
  const { stride } = attributes
  const groups = channelsLast(x.axes)
  const [out = [], channels = [], ...kernel] = weight.axes
  const edges = edgesOf(attributes, kernel.length)
  if (isPointwise(kernel, stride, edges)) return rowsByMatrix(g, x, 1, weight, bias, type)
  const filter = g.arranged(weight, [...plane(kernel, []), channels, out])
  const axes = resultAxes(x, plainAxes(type.shape)[1] ?? [], type.shape)
  const { input, pad } = padded(g, g.arranged(x, groups), groups, weight, attributes)
  const settings = code`strides: ${stride}, pad: ${pad}`
  const text =
    bias === undefined
      ? code`tf.conv2d(${input}, ${filter}, ${stride}, ${pad})`
      : code`tf.fused.conv2d({ x: ${input}, filter: ${filter}, ${settings}, bias: ${g.arranged(bias, bias.axes)} })`
  return new Operand(type, axes, [g.tensor(text, channelsLast(axes))])
}

/** A padding by one of the names that every backend knows, if need be of a map that has been padded. */
function padded(
  g: Emitter,
  input: Variable,
  groups: Groups,
  weight: Operand,
  attributes: ConvAttributes,
): { input: Variable; pad: Code } {
  const kernel = weight.type.shape.slice(2).map(Number)
  const edges = edgesOf(attributes, kernel.length)
  const [, ...sides] = sizesOf(groups).map(Number)
  const sizes = plane(kernel, 1)
  if (edges.every(([before, after]) => before === 0 && after === 0)) return { input, pad: code`'valid'` }
  const isSame = edges.every(([before, after], i) => {
    const [side = 1, size = 1] = [sides[i], sizes[i]]
    const total = Math.max(0, (Math.ceil(side / attributes.stride) - 1) * attributes.stride + size - side)
    return before === Math.floor(total / 2) && before + after === total
  })
  if (isSame) return { input, pad: code`'same'` }
  return { input: surrounded(g, input, groups, edges).variable, pad: code`'valid'` }
}

/** A map with zeros around it. */
function surrounded(g: Emitter, x: Variable, groups: Groups, edges: Edges): StoredTensor {
  if (edges.flat().every((count) => count === 0)) return { variable: x, groups }
  const wider = groups.map((parts, i): readonly Part[] => {
    const [before, after] = edges[i - 1] ?? [0, 0]
    return before + after === 0 ? parts : [{ size: Number(sizesOf([parts])[0]) + before + after }]
  })
  return g.tensor(code`tf.pad(${x}, ${[[0, 0], ...edges, [0, 0]]})`, wider)
}

/**
 * For each element of the kernel, the products of what it has seen and the results' gradients, summed over positions and
 * examples. A kernel of one element sees all of the map.
 */
export const convWeightGradient: Lowering<'convWeightGradient'> = ({ x, dy }, attributes, g, type) => {
  const { stride, kernel } = attributes
  const [outs = [], ins = [], ...kernelAxes] = plainAxes(type.shape)
  const axes = [outs, ins, ...kernelAxes]
  if (product(kernel) === 1 && stride === 1) {
    const rows = g.arranged(dy, [dy.axis(1), positionsOf(dy)])
    const columns = g.arranged(x, [positionsOf(x), x.axis(1)])
    return new Operand(type, axes, [g.tensor(code`tf.matMul(${rows}, ${columns})`, [outs, ins])])
  }
  const groups = channelsLast(x.axes)
  const map = surrounded(g, g.arranged(x, groups), groups, edgesOf(attributes, kernel.length))
  const gradients = g.arranged(dy, channelsLast(dy.axes))
  const f = g.helper('weightGradient', weightGradient)
  const [height, width] = plane(kernel, 1)
  // The columns that are put side by side, the rows of them that a row of the kernel sees, and what is made of them.
  const scratch = [multiply(product(sizesOf(map.groups)), 2 * width + 1)]
  const text = code`${f}(${map.variable}, ${gradients}, [${height}, ${width}], ${stride})`
  return new Operand(type, axes, [g.tensor(text, [...plane(kernelAxes, []), ins, outs], 'float32', { scratch })])
}

/**
 * What is left to do at run time, as the backend likes it. map, with zeros around it: [batch, height, width, in], dy:
 * [batch, height, width, out]. Result: [height, width, in, out] of the kernel.
 *
 * XNNPACK convolves faster than it multiplies what has been sliced: on wasm the gradients are the kernel of one
 * convolution, with examples as its channels. TensorFlow's own kernel is right where the stride is 1 (with oneDNN and
 * another stride it is not), other backends have none, or a slower one: there a kernel's columns lie side by side, so that
 * there is a product for each of its rows.
 */
const weightGradient = `(map, dy, [height, width], stride) => tf.tidy(() => {
  if (tf.getBackend() === 'wasm') {
    const seen = tf.transpose(map, [3, 1, 2, 0])
    const gradient = tf.conv2d(seen, tf.transpose(dy, [1, 2, 0, 3]), 1, 'valid', 'NHWC', stride)
    return tf.transpose(tf.slice(gradient, [0, 0, 0, 0], [-1, height, width, -1]), [1, 2, 0, 3])
  }
  if (tf.getBackend() === 'tensorflow' && stride === 1) {
    const filterShape = [height, width, map.shape[3], dy.shape[3]]
    const settings = { strides: 1, pad: 'valid', dataFormat: 'NHWC', filterShape }
    return tf.engine().runKernel('Conv2DBackpropFilter', { x: map, dy }, settings)
  }
  const [batch, tall, wide, out] = dy.shape
  const channels = map.shape[3]
  const every = (x, axis, first, count) => {
    const [begin, end, strides] = [[0, 0, 0, 0], [...x.shape], [1, 1, 1, 1]]
    begin[axis] = first
    end[axis] = first + (count - 1) * stride + 1
    strides[axis] = stride
    return tf.stridedSlice(x, begin, end, strides)
  }
  const columns = Array.from({ length: width }, (_, column) => every(map, 2, column, wide))
  const beside = columns.length === 1 ? columns[0] : tf.concat(columns, 3)
  const gradients = tf.reshape(dy, [-1, out])
  const kernel = Array.from({ length: height }, (_, row) => tf.tidy(() => {
    const seen = tf.reshape(every(beside, 1, row, tall), [-1, width * channels])
    return tf.matMul(seen, gradients, true)
  }))
  return tf.reshape(kernel.length === 1 ? kernel[0] : tf.concat(kernel), [height, width, channels, out])
})`

/** For each element of the map, the sum of what it has given to results, each with its gradient. */
export const convInputGradient: Lowering<'convInputGradient'> = ({ dy, weight }, attributes, g, type) => {
  const { stride, space } = attributes
  const [out = [], channels = [], ...kernelAxes] = weight.axes
  const edges = edgesOf(attributes, space.length)
  if (isPointwise(kernelAxes, stride, edges)) {
    const exchanged = weight.as(weight.type, [channels, out])
    return rowsByMatrix(g, dy, 1, exchanged, undefined, type)
  }
  const axes = resultAxes(dy, plainAxes(type.shape)[1] ?? [], type.shape)
  const groups = channelsLast(dy.axes)
  const gradients = g.arranged(dy, groups)
  const filter = g.arranged(weight, [...plane(kernelAxes, []), channels, out])
  const f = g.helper('inputGradient', inputGradient)
  const sides = plane(space, 1)
  const kernel = plane(weight.type.shape.slice(2).map(Number), 1)
  const [batch = 1, , , outs = 1] = sizesOf(groups)
  const isSame = stride === 1 && edges.every(([before, after], i) => before === after && kernel[i] === 2 * before + 1)
  const spread = sides.map((side, i) => side + (kernel[i] ?? 1) - 1)
  const spreads = isSame ? [] : [multiply(product([batch, ...spread, outs]), 2)]
  const scratch = [product(weight.type.shape), ...spreads]
  const before = isSame ? code`'same'` : edges.map(([count]) => count)
  const text = code`${f}(${gradients}, ${filter}, ${sides}, ${stride}, ${before})`
  return new Operand(type, axes, [g.tensor(text, channelsLast(axes), 'float32', { scratch })])
}

/**
 * What is left to do at run time, as the backend likes it. dy: [batch, height, width, out], filter: [height, width, in,
 * out], sides: those of the convolution's input, before: the padding above and to the left, or 'same' where a kernel of
 * odd sides at stride 1 is padded so that the sides stay. Result: [batch, ...sides, in].
 *
 * The kernels of their own that WebGPU and TensorFlow have are right and faster than a convolution with the filter turned
 * by half a circle, which the others take.
 */
const inputGradient = `(dy, filter, sides, stride, before) => tf.tidy(() => {
  const isNative = tf.getBackend() === 'webgpu' || tf.getBackend() === 'tensorflow'
  const native = (space, pad) => {
    const settings = { inputShape: [dy.shape[0], ...space, filter.shape[2]], strides: stride, pad, dataFormat: 'NHWC' }
    return tf.engine().runKernel('Conv2DBackpropInput', { dy, filter }, settings)
  }
  const turned = () => tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2])
  if (before === 'same') return isNative ? native(sides, 'same') : tf.conv2d(dy, turned(), 1, 'same')
  // The elements of x from first on, zeros where it has none.
  const part = (x, first, sizes) => {
    const begin = first.map((at) => Math.max(at, 0))
    const end = first.map((at, axis) => Math.min(at + sizes[axis], x.shape[axis + 1]))
    const edges = begin.map((at, axis) => [at - first[axis], first[axis] + sizes[axis] - end[axis]])
    const inside = tf.slice(x, [0, ...begin, 0], [-1, ...end.map((at, axis) => at - begin[axis]), -1])
    return edges.flat().some((count) => count > 0) ? tf.pad(inside, [[0, 0], ...edges, [0, 0]]) : inside
  }
  const [batch, height, width, out] = dy.shape
  const [tall, wide] = filter.shape
  if (isNative) return part(native([(height - 1) * stride + tall, (width - 1) * stride + wide], 'valid'), before, sides)
  const behind = [[0, 0], [0, stride - 1], [0, 0]]
  const rows = tf.pad(tf.reshape(dy, [batch * height, 1, width * out]), behind)
  const columns = tf.pad(tf.reshape(rows, [batch * height * stride * width, 1, out]), behind)
  const spread = tf.reshape(columns, [batch, height * stride, width * stride, out])
  const first = [before[0] + 1 - tall, before[1] + 1 - wide]
  return tf.conv2d(part(spread, first, [sides[0] + tall - 1, sides[1] + wide - 1]), turned(), 1, 'valid')
})`

/** Of a factor that is a power of 2, so that no position is rounded. */
export const upsample: Lowering<'upsample'> = ({ x }, { factor }, g, type) => {
  const axes = resultAxes(x, x.axis(1), type.shape)
  const groups = channelsLast(axes)
  const sides = sizesOf(groups).slice(1, 3)
  const input = g.arranged(x, channelsLast(x.axes))
  if (Number.isInteger(Math.log2(factor)))
    return new Operand(type, axes, [g.tensor(code`tf.image.resizeNearestNeighbor(${input}, ${sides})`, groups)])
  return repeatedElements(g, x, input, factor, type)
}

/** Each element repeated along new axes, which are merged with those that they follow. */
function repeatedElements(g: Emitter, x: Operand, input: Variable, factor: number, type: Operand['type']): Operand {
  const [batch = [], height = [], width = [], channels = []] = channelsLast(x.axes)
  const isFlat = x.axes.length === 3
  const [down, across] = [isFlat ? [] : [{ size: factor }], [{ size: factor }]]
  const source = { variable: input, groups: [batch, height, width, channels] }
  const apart = g.regrouped(source, [[...batch, ...height], [], width, [], channels], 'float32').variable
  const groups = [[...batch, ...height], down, width, across, channels]
  const tensor = g.tensor(code`tf.broadcastTo(${apart}, ${sizesOf(groups)})`, groups)
  const space = isFlat
    ? [[...width, ...across]]
    : [
        [...height, ...down],
        [...width, ...across],
      ]
  return new Operand(type, [batch, channels, ...space], [tensor])
}

/** The mean of each tile, times its number of elements. */
export const tileSum: Lowering<'tileSum'> = ({ x }, { factor }, g, type) => {
  if (factor === 1) return x.as(type, x.axes)
  const axes = resultAxes(x, x.axis(1), type.shape)
  const tile = plane(
    x.axes.slice(2).map(() => factor),
    1,
  )
  const input = g.arranged(x, channelsLast(x.axes))
  const means = g.tensor(code`tf.avgPool(${input}, ${tile}, ${tile}, 'valid')`, channelsLast(axes))
  const count = factor ** (x.axes.length - 2)
  return new Operand(type, axes, [g.tensor(code`tf.mul(${means.variable}, ${count})`, means.groups)])
}
