/** The noise of sampling: a function of seed, image, step and resolution, so that batches and engines cannot matter. */
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'
import { fillNormal } from '../random/philox.js'

/** Where a draw of noise belongs. */
export interface Draw {
  readonly seed: number
  /** The resolution's name, such as `256`. */
  readonly resolution: string
  /** `start`, or the number of the step, counted from 0. */
  readonly step: 'start' | number
}

/**
 * Standard normal noise for some images, each from a stream of its own. `shape`: of one image. Result: [images, ...shape].
 */
export function drawNoise(
  { seed, resolution, step }: Draw,
  images: readonly number[],
  shape: readonly number[],
): Tensor {
  const size = elementCount(shape)
  const data = new Float32Array(images.length * size)
  images.forEach((image, row) => {
    fillNormal(data.subarray(row * size, (row + 1) * size), { seed, name: `sample:${resolution}:${step}:${image}` })
  })
  return { shape: [images.length, ...shape], data }
}
