/**
 * The gradient of a convolution with respect to its weight: how each kernel element's inputs go with the gradients of
 * the results that they entered. x: [batch, in, ...space], dy: [batch, out, ...space']. Result: [out, in, ...kernel].
 */
import { product, sameShape } from '../ir/dimension.js'
import type { Value } from '../ir/graph.js'
import { elementCount, floats } from '../ir/tensor.js'
import { conv, paddingOf, type ConvAttributes } from './conv.js'
import { dotRows } from './dot.js'
import type { Builder } from './index.js'
import { expectFloat, fail, fixedSize, float32, type Op } from './op.js'

export interface ConvWeightGradientAttributes extends ConvAttributes {
  readonly kernel: readonly number[]
}

export const convWeightGradient: Op<['x', 'dy'], ConvWeightGradientAttributes> = {
  inputs: ['x', 'dy'],
  infer: ({ x, dy }, attributes) => {
    expectFloat(x, dy)
    const weight = float32([
      fixedSize(dy, 1, 'the axis of channels'),
      fixedSize(x, 1, 'the axis of channels'),
      ...attributes.kernel,
    ])
    const forward = conv.infer({ x, weight }, attributes)
    if (!sameShape(forward.shape, dy.shape)) fail('the gradient of a convolution does not have the shape of its result')
    return weight
  },
  decompose: ({ x, dy }, attributes, b) => {
    const { kernel } = attributes
    const [batch = 0, out = 0, ...space] = dy.type.shape
    const channels = x.type.shape[1] ?? 0
    const results = b.reshape(dy, { shape: [batch, out, product(space)] })
    const padded = surrounded(x, attributes, space.map(Number), b)
    const taps = tapsOf(kernel).map((tap) => {
      const seen = b.reshape(seenBy(padded, tap, attributes, space.map(Number), b), {
        shape: [batch, channels, product(space)],
      })
      const products = b.matmul(results, b.transpose(seen, { permutation: [0, 2, 1] }))
      return b.reshape(b.sum(products, { axes: [0], keep: false }), { shape: [out, channels, 1] })
    })
    const joined = taps.reduce((all, tap) => b.concat(all, tap, { axis: 2 }))
    return b.reshape(joined, { shape: [out, channels, ...kernel] })
  },
  gradient: ({ x, dy: given }, dy, { attributes: { stride, padding }, b }) => ({
    x: b.convInputGradient(given, dy, { stride, padding, space: x.type.shape.slice(2).map(Number) }),
    dy: b.conv(x, dy, undefined, { stride, padding }),
  }),
  flops: ({ dy }, result) => 2 * elementCount(dy) * elementCount(result.slice(1)),
  evaluate: ({ x, dy }, attributes, shape) => {
    const [out = 0, channels = 0, ...kernel] = shape
    const { stride } = attributes
    const padding = paddingOf(attributes, kernel.length)
    const plane = (sizes: readonly number[]) =>
      sizes.length === 1 ? [1, sizes[0] ?? 1] : [sizes[0] ?? 1, sizes[1] ?? 1]
    const [batch = 0] = x.shape
    const [height = 1, width = 1] = plane(x.shape.slice(2))
    const [tall = 1, wide = 1] = plane(dy.shape.slice(2))
    const [kernelHeight = 1, kernelWidth = 1] = plane(kernel)
    const [top, left] = kernel.length === 1 ? [0, padding[0] ?? 0] : [padding[0] ?? 0, padding[1] ?? 0]
    const positions = tall * wide
    const length = batch * positions
    // Row o: the gradients of channel o at all positions of all examples.
    const results = new Float64Array(out * length)
    for (let n = 0; n < batch; n++)
      for (let o = 0; o < out; o++) {
        const from = (n * out + o) * positions
        results.set(dy.data.subarray(from, from + positions), o * length + n * positions)
      }
    const result = floats(shape)
    const window = kernelHeight * kernelWidth
    const seen = new Float64Array(window * length)
    for (let c = 0; c < channels; c++) {
      seen.fill(0)
      let at = 0
      for (let ky = 0; ky < kernelHeight; ky++)
        for (let kx = 0; kx < kernelWidth; kx++)
          for (let n = 0; n < batch; n++)
            for (let i = 0; i < tall; i++)
              for (let j = 0; j < wide; j++, at++) {
                const [row, column] = [i * stride + ky - top, j * stride + kx - left]
                if (row >= 0 && row < height && column >= 0 && column < width)
                  seen[at] = x.data[((n * channels + c) * height + row) * width + column] ?? 0
              }
      const target = { data: result.data as Float32Array, start: c * window, stepA: channels * window, stepB: 1 }
      dotRows(
        { data: results, start: 0, count: out },
        { data: seen, start: 0, count: window },
        length,
        undefined,
        target,
      )
    }
    return result
  },
}

/** The place of each kernel element, row-major. */
export function tapsOf(kernel: readonly number[]): readonly (readonly number[])[] {
  return kernel.reduce<readonly (readonly number[])[]>(
    (taps, size) => taps.flatMap((tap) => Array.from({ length: size }, (_, i) => [...tap, i])),
    [[]],
  )
}

/** x with its padding, and behind it as many zeros as the last element's stride reaches. */
function surrounded(x: Value, attributes: ConvWeightGradientAttributes, space: readonly number[], b: Builder): Value {
  const padding = paddingOf(attributes, space.length)
  return space.reduce((padded, size, i) => {
    const axis = 2 + i
    const reach = (attributes.kernel[i] ?? 1) - 1 + size * attributes.stride
    const before = padding[i] ?? 0
    const side = fixedSize(x.type, axis, 'a side')
    const long =
      before === 0 && side >= reach ? padded : b.pad(padded, { axis, before, to: Math.max(reach, side + before) })
    return long
  }, x)
}

/** What a kernel element sees of the padded input: every `stride`-th element from its place on. */
function seenBy(
  padded: Value,
  tap: readonly number[],
  { stride }: ConvAttributes,
  space: readonly number[],
  b: Builder,
): Value {
  return space.reduce((seen, size, i) => {
    const axis = 2 + i
    const start = tap[i] ?? 0
    const run = b.slice(seen, { axis, start, end: start + size * stride })
    if (stride === 1) return run
    const [lead, rest] = [run.type.shape.slice(0, axis), run.type.shape.slice(axis + 1)]
    const groups = b.reshape(run, { shape: [...lead, size, stride, ...rest] })
    return b.reshape(b.slice(groups, { axis: axis + 1, start: 0, end: 1 }), { shape: [...lead, size, ...rest] })
  }, padded)
}
