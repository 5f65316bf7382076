/**
 * A 3x3 convolution of a map that was doubled by nearest neighbour sees each element of the small map up to four
 * times. Four 2x2 convolutions of the small map, one for each corner of the doubled pixels, give the same with 4/9 of
 * the work (Shi et al. 2016, figure 3). Their weights are sums of the stored ones, which an engine works out
 * once, and in training in each step, where they are few beside the positions.
 */
import type { Node, Value } from '../ir/graph.js'
import type { Dimension } from '../ir/dimension.js'
import { floats } from '../ir/tensor.js'
import { paddingOf, type ConvAttributes } from '../ops/conv.js'
import type { Builder } from '../ops/index.js'
import type { Pass } from './pass.js'
import { rewrite } from './rewrite.js'

export const upsampleIntoConv: Pass = {
  name: 'upsample-into-conv',
  purpose: 'turns a convolution of a doubled map into four smaller ones of the map itself',
  run: (graph) => rewrite(graph, subpixel),
}

function subpixel(node: Node, b: Builder): Value | undefined {
  const { x: doubled, weight, bias } = node.inputs
  if (node.op !== 'conv' || doubled?.op !== 'upsample' || weight === undefined) return undefined
  const attributes: ConvAttributes = { stride: Number(node.attributes.stride), padding: edges(node) }
  const [, , height, width] = weight.type.shape
  const fits =
    height === 3 && width === 3 && attributes.stride === 1 && paddingOf(attributes, 2).every((edge) => edge === 1)
  const small = doubled.inputs.x
  if (!fits || small === undefined || doubled.attributes.factor !== 2) return undefined
  // ONNX Runtime's WebGPU forgets the padding where a kernel is as large as its map; so small a map gains nothing anyway.
  if (small.type.shape.slice(2).some((side) => typeof side !== 'number' || side <= 2)) return undefined
  const phase = (row: number, column: number) =>
    b.conv(small, merged(weight, row, column, b), bias, {
      stride: 1,
      padding: [1 - row, 1 - column, row, column],
    })
  const rows = [0, 1].map((row) => interleave(phase(row, 0), phase(row, 1), 4, b))
  const [upper, lower] = rows
  return upper && lower && interleave(upper, lower, 3, b)
}

function edges({ attributes: { padding } }: Node): ConvAttributes['padding'] {
  return typeof padding === 'number' ? padding : Array.isArray(padding) ? padding.map(Number) : 0
}

/**
 * The nine taps as four: along an axis a pixel's first half sees (first, second + third), its second half (first +
 * second, third). As one product with zeros and ones, whose gradient is one product too.
 */
function merged(weight: Value, row: number, column: number, b: Builder): Value {
  const [out = 0, channels = 0] = weight.type.shape
  const half = (tap: number, second: number) => (tap < 1 + second ? 0 : 1)
  const belongs = Array.from({ length: 9 * 4 }, (_, i) => {
    const [tap, to] = [Math.floor(i / 4), i % 4]
    return half(Math.floor(tap / 3), row) * 2 + half(tap % 3, column) === to ? 1 : 0
  })
  const taps = b.reshape(weight, { shape: [out, channels, 9] })
  return b.reshape(b.matmul(taps, b.tensor(floats([9, 4], belongs))), { shape: [out, channels, 2, 2] })
}

/**
 * Two maps as every other column (axis 4) or row (axis 3) of one. Columns come as [batch, channels, height, width],
 * rows as [batch, channels, height, width] as well; the result doubles that side.
 */
function interleave(first: Value, second: Value, axis: 3 | 4, b: Builder): Value {
  const [batch = 0, channels = 0, height = 0, width = 0] = first.type.shape
  const apart = axis === 4 ? [batch, channels, height, width, 1] : [batch, channels, height, 1, width]
  const joined = b.concat(b.reshape(first, { shape: apart }), b.reshape(second, { shape: apart }), { axis })
  const doubled = (size: Dimension) => (typeof size === 'number' ? 2 * size : size)
  return b.reshape(joined, {
    shape: axis === 4 ? [batch, channels, height, doubled(width)] : [batch, channels, doubled(height), width],
  })
}
