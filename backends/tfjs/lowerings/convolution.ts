/**
 * Convolutions and what else sees a map as one: tfjs wants channels last, kernels as [height, width, in, out]. An op
 * over one axis is one over two, of which the first has size 1.
 */
import { multiply, type Dimension } from '../../../compiler/ir/dimension.js'
import { paddingOf, type ConvAttributes } from '../../../compiler/ops/conv.js'
import { tapsOf } from '../../../compiler/ops/conv_weight_gradient.js'
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

export const conv: Lowering<'conv'> = ({ x, weight, bias }, attributes, g, type) => {
  const { stride } = attributes
  const groups = channelsLast(x.axes)
  const [out = [], channels = [], ...kernel] = weight.axes
  const edges = edgesOf(attributes, kernel.length)
  if (stride === 1 && kernel.flat().length === 0 && edges.flat().every((edge) => edge === 0))
    return rowsByMatrix(g, x, 1, weight, bias, type)
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
 * For each element of the kernel, the product of the results' gradients with what it has seen. The gradients are
 * brought into rows of channels once; what was seen lies in columns of channels already.
 */
export const convWeightGradient: Lowering<'convWeightGradient'> = ({ x, dy }, attributes, g, type) => {
  const { stride, kernel } = attributes
  const [batch = [], out = [], ...space] = dy.axes
  const positions = [...batch, ...space.flat()]
  const rows = g.arranged(dy, [out, positions])
  const groups = channelsLast(x.axes)
  const map = surrounded(g, g.arranged(x, groups), groups, edgesOf(attributes, kernel.length))
  const channels = (groups[3] ?? []).map(({ size }) => ({ size }))
  const sides = plane(dy.type.shape.slice(2).map(Number), 1)
  const taps = tapsOf(plane(kernel, 1)).map((tap) => {
    const seen = { variable: seenBy(g, map, tap, sides, stride), groups: channelsLast([batch, channels, ...space]) }
    const columns = g.regrouped(seen, [positions, channels], 'float32').variable
    return g.tensor(code`tf.matMul(${rows}, ${columns})`, [out, channels])
  })
  const [outs = [], ins = [], ...kernelAxes] = plainAxes(type.shape)
  const result = [kernelAxes.flat(), outs, ins]
  const [only] = taps
  const tensor =
    only !== undefined && taps.length === 1
      ? g.regrouped(only, result, 'float32')
      : g.tensor(code`tf.stack(${taps.map(({ variable }) => variable)})`, result)
  return new Operand(type, [outs, ins, ...kernelAxes], [tensor])
}

/** What an element of the kernel sees of a map: [batch, height, width, channels], of these sides. */
function seenBy(
  g: Emitter,
  { variable, groups }: StoredTensor,
  [row = 0, column = 0]: readonly number[],
  [height, width]: readonly [number, number],
  stride: number,
): Variable {
  const [all = 1, tall, wide, channels = 1] = sizesOf(groups)
  if (stride === 1 && tall === height && wide === width) return variable
  const [batch = [], , , last = []] = groups
  const seen = [batch, [{ size: height }], [{ size: width }], last]
  if (stride > 1) {
    const end = [all, row + (height - 1) * stride + 1, column + (width - 1) * stride + 1, channels]
    const text = code`tf.stridedSlice(${variable}, ${[0, row, column, 0]}, ${end}, ${[1, stride, stride, 1]})`
    return g.tensor(text, seen).variable
  }
  // The fewer rows, the faster: the columns are taken with their channels.
  const [down, across] = [groups[1] ?? [], groups[2] ?? []]
  const inRows = g.regrouped({ variable, groups }, [batch, down, [...across, ...last]], 'float32').variable
  const sizes = [all, height, multiply(width, channels)]
  const text = code`tf.slice(${inRows}, ${[0, row, multiply(column, channels)]}, ${sizes})`
  return g.tensor(text, [batch, [{ size: height }], [{ size: width }, ...last]]).variable
}

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
