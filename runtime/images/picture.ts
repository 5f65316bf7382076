/** From what a model gives to pictures: values of -1 to 1 become bytes, channels come last. */
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'
import { ImageFailure } from './failure.js'

/** A picture, row by row from the top left, the channels of a pixel together. */
export interface Picture {
  readonly width: number
  readonly height: number
  /** 1 is grey; 3 are red, green and blue. */
  readonly channels: 1 | 3
  readonly data: Uint8Array
}

/**
 * The pictures of a tensor [channels, height, width] or [batch, channels, height, width] with values of -1 (black) to 1:
 * clipped and rounded to the nearest of 256 steps, half up; NaN is black. Throws an ImageFailure unless there are 1 or
 * 3 channels.
 */
export function picturesOf(tensor: Tensor): Picture[] {
  const [batch, channels, height, width] = fourSizes(tensor, tensor.shape)
  return videosOf({ shape: [batch, channels, 1, height, width], data: tensor.data }).flat()
}

/** The frames of each video of a tensor [channels, frames, height, width], with a batch before it or without: as picturesOf. */
export function videosOf(tensor: Tensor): Picture[][] {
  const single = tensor.shape.length === 4
  const [batch = 0, ...shape] = single ? [1, ...tensor.shape] : tensor.shape
  const [count, frames, height, width] = fourSizes(tensor, shape)
  const channels = shownChannels(count)
  if (tensor.data.length !== elementCount(tensor.shape)) throw new Error('a tensor with the data of another shape')

  const pixels = height * width
  return range(batch).map((video) =>
    range(frames).map((frame) => {
      const data = new Uint8Array(pixels * channels)
      for (let channel = 0; channel < channels; channel++) {
        const first = ((video * channels + channel) * frames + frame) * pixels
        for (let i = 0; i < pixels; i++) data[i * channels + channel] = toByte(tensor.data[first + i] ?? 0)
      }
      return { width, height, channels, data }
    }),
  )
}

function toByte(value: number): number {
  return Math.floor(Math.min(Math.max((value + 1) * 127.5, 0), 255) + 0.5)
}

function shownChannels(count: number): 1 | 3 {
  if (count === 1 || count === 3) return count
  throw new ImageFailure(
    `values of ${count} channels are no picture`,
    'a picture has 1 channel (grey) or 3 (red, green, blue): sample with a model that has as many',
  )
}

function fourSizes({ shape }: Tensor, sizes: readonly number[]): [number, number, number, number] {
  const [a = 0, b = 0, c = 0, d = 0] = sizes.length === 3 ? [1, ...sizes] : sizes
  if (sizes.length !== 3 && sizes.length !== 4) throw new Error(`a tensor [${shape.join(', ')}] holds no pictures`)
  return [a, b, c, d]
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}
