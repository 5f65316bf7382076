/**
 * Convolution (cross-correlation) over one or two axes. x: [batch, in, ...space], weight: [out, in, ...kernel],
 * bias: [out]. Result: [batch, out, ...space'], space' = floor((space + padding before and after - kernel) / stride) + 1.
 */
import { sameDimension, showDimension } from '../ir/dimension.js'
import { elementCount, type Tensor } from '../ir/tensor.js'
import { dotRows } from './dot.js'
import { expectFloat, expectShape, fail, fixedSize, float32, type Op } from './op.js'

export interface ConvAttributes {
  /** The same along every axis of space. */
  readonly stride: number
  /** One number for all edges, or one for each: before the first axis of space, the second, then after them. */
  readonly padding: number | readonly number[]
}

/** The padding of each edge: before each axis of space, then after each. */
export function paddingOf({ padding }: ConvAttributes, axes: number): readonly number[] {
  return typeof padding === 'number' ? new Array<number>(2 * axes).fill(padding) : padding
}

export const conv: Op<['x', 'weight', 'bias?'], ConvAttributes> = {
  inputs: ['x', 'weight', 'bias?'],
  infer: ({ x, weight, bias }, attributes) => {
    expectFloat(x, weight, bias)
    const [out = 0, width = 0, ...kernel] = weight.shape
    const [batch = 0, channels = 0] = x.shape
    if (kernel.length < 1 || kernel.length > 2) fail('a convolution is over one or two axes')
    if (x.shape.length !== weight.shape.length) {
      fail(`a convolution over ${kernel.length} axes was given a tensor with ${x.shape.length - 2}`)
    }
    if (!sameDimension(channels, width)) {
      fail(`a convolution for ${showDimension(width)} channels was given ${showDimension(channels)}`)
    }
    expectShape(bias, [out], 'the bias of a convolution')
    const padding = paddingOf(attributes, kernel.length)
    if (padding.length !== 2 * kernel.length) fail('a convolution needs one padding, or one for each edge')
    const space = kernel.map((_, i) => {
      const [side, size] = [fixedSize(x, i + 2, 'a side'), fixedSize(weight, i + 2, 'a kernel')]
      const edges = (padding[i] ?? 0) + (padding[i + kernel.length] ?? 0)
      const result = Math.floor((side + edges - size) / attributes.stride) + 1
      return result > 0 ? result : fail(`a kernel of ${size} does not fit into a side of ${side}`)
    })
    return float32([batch, out, ...space])
  },
  gradient: ({ x, weight, bias }, dy, { attributes: { stride, padding }, b }) => {
    const others = dy.type.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]))
    return {
      x: b.convInputGradient(dy, weight, { stride, padding, space: x.type.shape.slice(2).map(Number) }),
      weight: b.convWeightGradient(x, dy, { stride, padding, kernel: weight.type.shape.slice(2).map(Number) }),
      ...(bias ? { bias: b.sum(dy, { axes: others, keep: false }) } : {}),
    }
  },
  flops: ({ weight }, result) => 2 * elementCount(result) * elementCount(weight.slice(1)),
  evaluate: ({ x, weight, bias }, attributes, shape) => {
    const padding = paddingOf(attributes, shape.length - 2)
    const { stride } = attributes
    const [top, left] = shape.length === 3 ? [0, padding[0] ?? 0] : [padding[0] ?? 0, padding[1] ?? 0]
    const [batch = 0, out = 0] = shape
    const plane = plane2d(shape)
    const window = elementCount(weight.shape.slice(1))
    const positions = plane.height * plane.width
    const data = new Float32Array(elementCount(shape))
    const kernels = { data: Float64Array.from(weight.data), start: 0, count: out }
    // As many rows of the result at a time as give a few megabytes of windows.
    const rows = Math.max(1, Math.min(plane.height, Math.floor(2 ** 19 / (window * plane.width))))
    const windows = new Float64Array(rows * plane.width * window)
    for (let n = 0; n < batch; n++) {
      for (let from = 0; from < plane.height; from += rows) {
        const count = Math.min(rows, plane.height - from) * plane.width
        gather(windows, x, weight, { n, from, count, width: plane.width, stride, top, left })
        const start = n * out * positions + from * plane.width
        const target = { data, start, stepA: 1, stepB: positions }
        dotRows({ data: windows, start: 0, count }, kernels, window, bias?.data, target)
      }
    }
    return { shape, data }
  },
}

/** One axis of space is treated as two, the first of size 1. */
function plane2d(shape: readonly number[]): { readonly height: number; readonly width: number } {
  return { height: shape.length === 3 ? 1 : (shape[2] ?? 1), width: shape.at(-1) ?? 1 }
}

interface Positions {
  readonly n: number
  /** The first row of the result. */
  readonly from: number
  readonly count: number
  readonly width: number
  readonly stride: number
  /** Padding above and to the left. */
  readonly top: number
  readonly left: number
}

/** Writes the window of x that each position of the result sees, in the weight's order, as one row (im2col). */
function gather(to: Float64Array, x: Tensor, weight: Tensor, at: Positions): void {
  const { height, width } = plane2d(x.shape)
  const kernel = plane2d(weight.shape)
  const channels = weight.shape[1] ?? 0
  let next = 0
  for (let position = 0; position < at.count; position++) {
    const top = (at.from + Math.floor(position / at.width)) * at.stride - at.top
    const left = (position % at.width) * at.stride - at.left
    for (let c = 0; c < channels; c++) {
      const source = (at.n * channels + c) * height
      for (let ky = 0; ky < kernel.height; ky++) {
        const row = top + ky
        const inside = row >= 0 && row < height
        for (let kx = 0; kx < kernel.width; kx++) {
          const column = left + kx
          to[next++] = inside && column >= 0 && column < width ? (x.data[(source + row) * width + column] ?? 0) : 0
        }
      }
    }
  }
}
