/**
 * The sum of each tile of `factor` elements along every axis of space: what `upsample` is the transpose of.
 * x: [batch, channels, ...space], each side a multiple of `factor`. Result: [batch, channels, ...space / factor].
 */
import { divide } from '../ir/dimension.js'
import { elementCount } from '../ir/tensor.js'
import { expectFloat, fail, float32, type Op } from './op.js'
import type { UpsampleAttributes } from './upsample.js'

export const tileSum: Op<['x'], UpsampleAttributes> = {
  inputs: ['x'],
  infer: ({ x }, { factor }) => {
    expectFloat(x)
    if (x.shape.length < 3 || x.shape.length > 4) fail('only images and sequences with channels have tiles')
    return float32(
      x.shape.map((size, axis) => (axis < 2 ? size : (divide(size, factor) ?? fail(`tiles of ${factor} do not fit`)))),
    )
  },
  decompose: ({ x }, { factor }, b) => {
    const [batch = 0, channels = 0, ...space] = x.type.shape
    const tiles = space.flatMap((size) => [divide(size, factor) ?? 0, factor])
    const axes = space.map((_, i) => 3 + 2 * i)
    return b.sum(b.reshape(x, { shape: [batch, channels, ...tiles] }), { axes, keep: false })
  },
  gradient: (_, dy, { attributes, b }) => ({ x: b.upsample(dy, attributes) }),
  flops: ({ x }) => elementCount(x),
  evaluate: ({ x }, { factor }, shape) => {
    const totals = new Float64Array(elementCount(shape))
    const [height, width] = x.shape.length === 3 ? [1, x.shape[2] ?? 1] : [x.shape[2] ?? 1, x.shape[3] ?? 1]
    const [tall, wide] = [height === 1 ? 1 : height / factor, width / factor]
    for (let at = 0; at < x.data.length; at++) {
      const column = Math.floor((at % width) / factor)
      const row = height === 1 ? 0 : Math.floor((Math.floor(at / width) % height) / factor)
      const to = (Math.floor(at / (width * height)) * tall + row) * wide + column
      totals[to] = (totals[to] ?? 0) + (x.data[at] ?? 0)
    }
    return { shape, data: Float32Array.from(totals) }
  },
}
