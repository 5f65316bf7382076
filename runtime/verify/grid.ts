/** Videos in recorded cases: frames row by row on a square grid inside one image. */
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'

/** [batch, channels, g side, g side] to [batch, channels, frames, side, side]. */
export function fromGrid(image: Tensor, frames: number): Tensor {
  const [batch = 0, channels = 0, height = 0, width = 0] = image.shape
  const g = Math.round(Math.sqrt(frames))
  const shape = [batch, channels, frames, height / g, width / g]
  return { shape, data: moved(image, shape, (source, target) => ({ source: target, target: source })) }
}

/** The inverse of fromGrid. */
export function toGrid(video: Tensor): Tensor {
  const [batch = 0, channels = 0, frames = 0, height = 0, width = 0] = video.shape
  const g = Math.round(Math.sqrt(frames))
  return {
    shape: [batch, channels, height * g, width * g],
    data: moved(video, video.shape, (source, target) => ({ source, target })),
  }
}

/** Copies each row of each frame; `way` says which of the two places (in frames, on the grid) is read. */
function moved(
  from: Tensor,
  video: readonly number[],
  way: (inFrames: number, onGrid: number) => { source: number; target: number },
): Float32Array {
  const [batch = 0, channels = 0, frames = 0, height = 0, width = 0] = video
  const g = Math.round(Math.sqrt(frames))
  const data = new Float32Array(elementCount(video))
  for (let plane = 0; plane < batch * channels; plane++) {
    for (let frame = 0; frame < frames; frame++) {
      for (let y = 0; y < height; y++) {
        const inFrames = ((plane * frames + frame) * height + y) * width
        const onGrid = (plane * g * height + Math.floor(frame / g) * height + y) * g * width + (frame % g) * width
        const { source, target } = way(inFrames, onGrid)
        data.set(from.data.subarray(source, source + width), target)
      }
    }
  }
  return data
}
