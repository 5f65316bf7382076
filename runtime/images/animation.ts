/** Animations: the steps of sampling, and videos. Frames are encoded as they come, one at a time in memory. */
import { extname } from 'node:path'
import { ImageFailure, writePicture } from './failure.js'
import { writeGif } from './gif.js'
import { sameForm } from './layout.js'
import { findFfmpeg, writeMp4 } from './mp4.js'
import type { Picture } from './picture.js'
import { writeWebp } from './webp.js'

/** Frames in the order in which they are shown. */
export type Frames = Iterable<Picture> | AsyncIterable<Picture>

/** Writes frames of equal size to a file of its own. */
export type FrameWriter = (path: string, frames: AsyncIterable<Picture>, fps: number) => Promise<void>

interface Format {
  readonly write: FrameWriter
  /** Pixels that a side may have at most. */
  readonly largest: number
  /** Throws an ImageFailure where the machine lacks something. */
  readonly check?: () => Promise<unknown>
}

const formats: Readonly<Record<string, Format>> = {
  '.webp': { write: writeWebp, largest: 16383 },
  '.gif': { write: writeGif, largest: 65535 },
  '.mp4': { write: writeMp4, largest: 16384, check: findFfmpeg },
}

/** Whether writeAnimation can write this file, by its ending; throws an ImageFailure if not. To be asked before long work. */
export async function checkAnimation(path: string): Promise<void> {
  await formatOf(path).check?.()
}

/**
 * Writes frames as an animated WebP or GIF that repeats for ever, or as MP4, by the ending of `path`. The file appears
 * whole or not at all. Throws an ImageFailure for another ending, sides too large for the format, or where ffmpeg is
 * missing or fails. No frames, or frames of different sizes, are the caller's bug.
 */
export async function writeAnimation(path: string, frames: Frames, fps: number): Promise<void> {
  const format = formatOf(path)
  if (!(fps > 0 && fps <= 1000)) throw new Error(`${fps} frames per second`)
  await format.check?.()
  await writePicture(path, (partial) => format.write(partial, equalFrames(frames, format, path), fps))
}

function formatOf(path: string): Format {
  const ending = extname(path).toLowerCase()
  const format = Object.hasOwn(formats, ending) ? formats[ending] : undefined
  if (format !== undefined) return format
  const known = Object.keys(formats).join(', ')
  throw new ImageFailure(`${path} does not end like an animation`, `let its name end in one of ${known}`)
}

async function* equalFrames(frames: Frames, { largest }: Format, path: string): AsyncGenerator<Picture> {
  let first: Picture | undefined
  for await (const frame of frames) {
    first ??= frame
    if (!sameForm(frame, first)) throw new Error('an animation of frames of different sizes')
    if (Math.max(frame.width, frame.height) > largest)
      throw new ImageFailure(
        `${path}: ${frame.width} x ${frame.height} pixels are too large for this format, whose sides have at most ${largest}`,
        'show fewer pictures in one animation',
      )
    yield frame
  }
  if (first === undefined) throw new Error('an animation of no frames')
}
