/** From where an example lies to its pixels. */
import { open, readFile, type FileHandle } from 'node:fs/promises'
import { isSystemError, systemProblem } from '../../files/problem.js'
import type { Place, Source } from './example.js'
import { Damage, DataFailure } from './failure.js'
import { countFrames, readFrames } from './ffmpeg.js'
import { pagesOf, square, type Format } from './pixels.js'
import { RecentFiles } from './recent.js'

/** What is to be made of an example. */
export interface Wanted extends Format {
  /** Frames of the original from one to the next, where the video is long enough. */
  readonly stride: number
}

/** What the system says of a single file; anything else it says of the disk or the machine. */
const ofOneFile = ['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG']

/** Decodes examples; tars stay open in between. */
export class Decoder {
  readonly #tars = new RecentFiles<FileHandle>((path) => open(path, 'r'))
  readonly #lengths = new Map<string, number>()

  /**
   * The pixels of an example, 0 to 255: [channels, side, side], for several frames [channels, frames, side, side]. Of a
   * video, `moment` (0 up to 1) says where the clip begins. Throws a Damage, or a DataFailure if others would fail too.
   */
  async decode(source: Source, wanted: Wanted, moment: number): Promise<Uint8Array> {
    try {
      return await this.#decode(source, wanted, moment)
    } catch (error) {
      const problem = systemProblem(error)
      if (problem === undefined) throw error
      if (isSystemError(error, ...ofOneFile)) throw new Damage(problem)
      throw new DataFailure(`the data cannot be read: ${problem}`, 'see to that, then resume the run')
    }
  }

  async #decode(source: Source, wanted: Wanted, moment: number): Promise<Uint8Array> {
    const { frames, stride } = wanted
    if ((source.kind === 'image') !== (frames === 1))
      throw new Error(`a source of kind ${source.kind}, and ${frames} frames`)
    if (source.kind === 'image') return square(await this.#bytes(source.place), wanted)
    if (source.kind === 'frames') {
      const clip = clipOf(source.places.length, frames, stride, moment)
      const places = clip.flatMap((frame) => source.places[frame] ?? [])
      return this.#together(places, wanted, async (place) => square(await this.#bytes(place), wanted))
    }
    if (source.kind === 'animation') {
      const bytes = await this.#bytes(source.place)
      const clip = clipOf(await pagesOf(bytes), frames, stride, moment)
      return this.#together(clip, wanted, (page) => square(bytes, wanted, page))
    }
    const clip = clipOf(await this.#lengthOf(source.place), frames, stride, moment)
    const [first = 0, second = 1] = clip
    const read = await readFrames(source.place, first, second - first, frames)
    return this.#together(read, wanted, (frame) => square(frame, wanted))
  }

  async #bytes({ file, part }: Place): Promise<Uint8Array> {
    if (part === undefined) return readFile(file)
    return this.#tars.use(file, async (handle) => {
      const bytes = new Uint8Array(part.length)
      for (let done = 0; done < bytes.length;) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, part.position + done)
        if (bytesRead === 0) throw new Damage('the tar has become shorter')
        done += bytesRead
      }
      return bytes
    })
  }

  /** Frames of [channels, side, side] as [channels, frames, side, side]. */
  async #together<T>(
    items: readonly T[],
    { channels, frames, side }: Wanted,
    decode: (item: T) => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const pixels = side * side
    const result = new Uint8Array(channels * frames * pixels)
    for (const [frame, item] of items.entries()) {
      const one = await decode(item)
      for (let channel = 0; channel < channels; channel++)
        result.set(one.subarray(channel * pixels, (channel + 1) * pixels), (channel * frames + frame) * pixels)
    }
    return result
  }

  async #lengthOf(place: Place): Promise<number> {
    const key = `${place.file}:${place.part?.position ?? ''}`
    const length = this.#lengths.get(key) ?? (await countFrames(place))
    this.#lengths.set(key, length)
    return length
  }
}

/**
 * Which of a video's frames form the clip: `frames` of them, `stride` apart, or closer where the video is too short for
 * that; it may begin wherever it fits, and `moment` (0 up to 1) says where. Throws a Damage.
 */
export function clipOf(count: number, frames: number, stride: number, moment: number): number[] {
  if (count < frames) throw new Damage(`it has ${count} frames, and ${frames} are needed`)
  const apart = Math.max(1, Math.min(stride, Math.floor((count - 1) / (frames - 1))))
  const first = Math.floor(moment * (count - (frames - 1) * apart))
  return Array.from({ length: frames }, (_, i) => first + i * apart)
}
