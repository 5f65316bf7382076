/** Nearest neighbour: each element repeated `factor` times along every axis of space. x: [batch, channels, ...space]. */
import { multiply } from '../ir/dimension.js'
import { elementCount } from '../ir/tensor.js'
import { expectFloat, fail, float32, type Op } from './op.js'

export interface UpsampleAttributes {
  readonly factor: number
}

export const upsample: Op<['x'], UpsampleAttributes> = {
  inputs: ['x'],
  infer: ({ x }, { factor }) => {
    expectFloat(x)
    if (x.shape.length < 3 || x.shape.length > 4) fail('only images and sequences with channels are upsampled')
    return float32(x.shape.map((size, axis) => (axis < 2 ? size : multiply(size, factor))))
  },
  gradient: (_, dy, { attributes, b }) => ({ x: b.tileSum(dy, attributes) }),
  evaluate: ({ x }, { factor }, shape) => {
    const data = new Float32Array(elementCount(shape))
    const flat = shape.length === 3
    const [height = 1, width = 1] = flat ? [1, shape[2]] : shape.slice(2)
    const [sourceHeight, sourceWidth] = [flat ? 1 : height / factor, width / factor]
    for (let at = 0; at < data.length; at++) {
      const column = at % width
      const row = Math.floor(at / width) % height
      const plane = Math.floor(at / (width * height))
      const fromRow = flat ? 0 : Math.floor(row / factor)
      data[at] = x.data[(plane * sourceHeight + fromRow) * sourceWidth + Math.floor(column / factor)] ?? 0
    }
    return { shape, data }
  },
}
