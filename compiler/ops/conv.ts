/**
 * Convolution (cross-correlation) over one or two axes. x: [batch, in, ...space], weight: [out, in, ...kernel],
 * bias: [out]. Result: [batch, out, ...space'], space' = floor((space + 2 padding - kernel) / stride) + 1.
 */
import { sameDimension, showDimension } from '../ir/dimension.js'
import { elementCount } from '../ir/tensor.js'
import { fail, fixedSize, float32, type Op } from './op.js'

/** The same stride and padding along every axis of space. */
export interface ConvAttributes {
  readonly stride: number
  readonly padding: number
}

export const conv: Op<['x', 'weight', 'bias?'], ConvAttributes> = {
  inputs: ['x', 'weight', 'bias?'],
  infer: ({ x, weight }, { stride, padding }) => {
    const [out = 0, width = 0, ...kernel] = weight.shape
    const [batch = 0, channels = 0] = x.shape
    if (x.shape.length !== weight.shape.length) fail(`a convolution over ${kernel.length} axes was given a tensor with ${x.shape.length - 2}`)
    if (!sameDimension(channels, width)) fail(`a convolution for ${showDimension(width)} channels was given ${showDimension(channels)}`)
    const space = kernel.map((size, i) => {
      const result = Math.floor((fixedSize(x, i + 2, 'a side') + 2 * padding - Number(size)) / stride) + 1
      return result > 0 ? result : fail(`a kernel of ${showDimension(size)} does not fit into a side of ${showDimension(x.shape[i + 2] ?? 0)}`)
    })
    return float32([batch, out, ...space])
  },
  flops: ({ weight }, result) => 2 * elementCount(result) * elementCount(weight.slice(1)),
  evaluate: ({ x, weight, bias }, { stride, padding }, shape) => {
    // One axis of space is treated as two, the first of size 1.
    const flat = x.shape.length === 3
    const [batch = 0, channels = 0] = x.shape
    const [height = 1, width = 1] = flat ? [1, x.shape[2]] : x.shape.slice(2)
    const [kernelHeight = 1, kernelWidth = 1] = flat ? [1, weight.shape[2]] : weight.shape.slice(2)
    const [outHeight = 1, outWidth = 1] = flat ? [1, shape[2]] : shape.slice(2)
    const out = shape[1] ?? 0
    const padTop = flat ? 0 : padding
    const data = new Float32Array(elementCount(shape))
    const plane = new Float64Array(outHeight * outWidth)
    for (let n = 0; n < batch; n++) {
      for (let o = 0; o < out; o++) {
        plane.fill(bias?.data[o] ?? 0)
        for (let c = 0; c < channels; c++) {
          for (let ky = 0; ky < kernelHeight; ky++) {
            for (let kx = 0; kx < kernelWidth; kx++) {
              const factor = weight.data[((o * channels + c) * kernelHeight + ky) * kernelWidth + kx] ?? 0
              for (let y = 0; y < outHeight; y++) {
                const fromY = y * stride + ky - padTop
                if (fromY < 0 || fromY >= height) continue
                const source = ((n * channels + c) * height + fromY) * width
                for (let z = 0; z < outWidth; z++) {
                  const fromX = z * stride + kx - padding
                  if (fromX < 0 || fromX >= width) continue
                  const at = y * outWidth + z
                  plane[at] = (plane[at] ?? 0) + factor * (x.data[source + fromX] ?? 0)
                }
              }
            }
          }
        }
        data.set(plane, (n * out + o) * plane.length)
      }
    }
    return { shape, data }
  },
}
