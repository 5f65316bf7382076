/** Examples as the files that stand for them in a shard. */
import { microDefaults } from '../../compiler/build/denoiser.js'
import type { Model } from '../../compiler/check/model.js'
import { Damage } from '../data/failure.js'
import { white, type Skipped } from '../data/loader.js'
import { Order, uniforms } from '../data/order.js'
import type { Wanted } from '../data/decode.js'
import { Pool } from '../data/pool.js'
import { encode } from '../images/encode.js'
import type { Picture } from '../images/picture.js'
import type { Examples } from '../train/job.js'
import { imagesOf } from '../train/phases.js'
import { npy, type Precision } from './npy.js'
import type { TarFile } from './tar.js'
import { realTokens } from './text.js'

export interface SampleOptions {
  /** Of the order of the examples, and of where clips begin: as in training. */
  readonly seed: number
  /** Threads that decode. */
  readonly workers: number
  /** How text is stored. */
  readonly textPrecision: Precision
}

/** An example. */
export interface Sample {
  readonly files: readonly TarFile[]
  /** Of its text; 0 without any. */
  readonly tokens: number
}

/** Samples that are prepared before they are asked for, by each thread. */
const aheadPerWorker = 4

/** What training sees in its first epoch, in that order, and not mirrored. To be closed when no more are wanted. */
export class Samples {
  readonly #order: Order
  readonly #pool: Pool
  readonly #wanted: Wanted
  readonly #micros: string | undefined

  constructor(
    private readonly model: Model,
    private readonly examples: Examples,
    private readonly options: SampleOptions,
  ) {
    this.#order = new Order(examples.dataset.length, options.seed)
    this.#pool = new Pool(options.workers)
    this.#wanted = { ...imagesOf(model), stride: 1, background: white }
    const micros = microDefaults(model)
    this.#micros = micros.size > 0 ? JSON.stringify(Object.fromEntries(micros)) : undefined
  }

  /** The samples at positions `first` up to `end`. Throws a DataFailure where the data as a whole cannot be read. */
  async *between(first: number, end: number): AsyncGenerator<Sample | Skipped> {
    const ready: Promise<Sample | Skipped>[] = []
    for (let position = first; position < end || ready.length > 0;) {
      for (; position < end && ready.length < aheadPerWorker * this.options.workers; position++) {
        const sample = this.#sample(position)
        // Whoever asks for the sample is told; until then nobody is.
        sample.catch(() => undefined)
        ready.push(sample)
      }
      const next = ready.shift()
      if (next) yield await next
    }
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    await this.#pool.close()
  }

  async #sample(position: number): Promise<Sample | Skipped> {
    const { dataset } = this.examples
    const example = this.#order.at(position)
    const [moment = 0] = this.model.frames === 1 ? [] : uniforms(this.options.seed, 'data:clip', position, 1)
    try {
      const pixels = await this.#pool.decode(dataset.sourceOf(example), this.#wanted, moment)
      return await this.#files(String(position).padStart(9, '0'), example, pixels)
    } catch (error) {
      if (!(error instanceof Damage)) throw error
      return { name: dataset.nameOf(example), problem: error.problem }
    }
  }

  async #files(key: string, example: number, pixels: Uint8Array): Promise<Sample> {
    const { model, examples, options } = this
    const { channels, frames, side } = imagesOf(model)
    const files: TarFile[] = []
    const add = (ending: string, bytes: Uint8Array | string) =>
      files.push({ name: `${key}.${ending}`, bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes })
    // As long as the longest, so that their characters order them.
    const digits = Math.max(2, String(frames - 1).length)
    for (let frame = 0; frame < frames; frame++) {
      const bytes = await encode(pictureOf(pixels, channels, frames, side, frame), 'png')
      add(frames === 1 ? 'png' : `${String(frame).padStart(digits, '0')}.png`, bytes)
    }
    const caption = examples.dataset.caption(example)
    if (caption !== undefined) add('txt', caption)
    const { label, text, text_mask: mask } = await examples.conditions([example], [false])
    const [number = -1] = label?.data ?? []
    if (number >= 0) add('cls', String(number))
    if (this.#micros !== undefined) add('json', this.#micros)
    if (text === undefined || mask === undefined) return { files, tokens: 0 }
    const { tokens, features } = realTokens(text, mask, 0)
    add('text.npy', npy(options.textPrecision, [tokens, text.shape[2] ?? 0], features))
    return { files, tokens }
  }
}

/** One frame of [channels, frames, side, side], the channels of a pixel together. */
function pictureOf(pixels: Uint8Array, channels: 1 | 3, frames: number, side: number, frame: number): Picture {
  const size = side * side
  const data = new Uint8Array(size * channels)
  for (let channel = 0; channel < channels; channel++) {
    const first = (channel * frames + frame) * size
    for (let i = 0; i < size; i++) data[i * channels + channel] = pixels[first + i] ?? 0
  }
  return { width: side, height: side, channels, data }
}
