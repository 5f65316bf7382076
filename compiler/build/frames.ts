/** Where the frames of a video lie: as an axis of the images, in the batch inside, on a square grid between parts. */
import { InternalError } from '../diagnostics/internal.js'
import type { Dimension } from '../ir/dimension.js'
import { divide, multiply } from '../ir/dimension.js'
import type { Value } from '../ir/graph.js'
import type { Builder } from '../ops/index.js'

/** [batch, channels, frames, side, side] to [batch * frames, channels, side, side]. */
export function framesIntoBatch(x: Value, b: Builder): Value {
  const [batch = 0, channels = 0, frames = 0, height = 0, width = 0] = x.type.shape
  return b.reshape(b.transpose(x, { permutation: [0, 2, 1, 3, 4] }), {
    shape: [multiply(batch, frames), channels, height, width],
  })
}

/** The inverse of framesIntoBatch. */
export function framesOutOfBatch(x: Value, frames: number, b: Builder): Value {
  const [rows = 0, channels = 0, height = 0, width = 0] = x.type.shape
  return b.transpose(b.reshape(x, { shape: [examples(rows, frames), frames, channels, height, width] }), {
    permutation: [0, 2, 1, 3, 4],
  })
}

/**
 * [batch * frames, channels, side, side] to one square image per example in which the frames lie row by row: the
 * reference implementation keeps videos so between nested parts, and its adapters see across the frames' borders.
 */
export function framesOntoGrid(x: Value, frames: number, b: Builder): Value {
  const [rows = 0, channels = 0, height = 0, width = 0] = x.type.shape
  const g = Math.sqrt(frames)
  const tiles = b.reshape(x, { shape: [examples(rows, frames), g, g, channels, height, width] })
  return b.reshape(b.transpose(tiles, { permutation: [0, 3, 1, 4, 2, 5] }), {
    shape: [examples(rows, frames), channels, multiply(height, g), multiply(width, g)],
  })
}

/** The inverse of framesOntoGrid. */
export function framesOffGrid(x: Value, frames: number, b: Builder): Value {
  const [batch = 0, channels = 0, height = 0, width = 0] = x.type.shape
  const g = Math.sqrt(frames)
  const [tileHeight, tileWidth] = [examples(height, g), examples(width, g)]
  const tiles = b.reshape(x, { shape: [batch, channels, g, tileHeight, g, tileWidth] })
  return b.reshape(b.transpose(tiles, { permutation: [0, 2, 4, 1, 3, 5] }), {
    shape: [multiply(batch, frames), channels, tileHeight, tileWidth],
  })
}

function examples(rows: Dimension, frames: number): Dimension {
  const batch = divide(rows, frames)
  if (batch === undefined) throw new InternalError(`${frames} frames do not divide the batch`)
  return batch
}
