/** Batches of images, prepared by other threads while the model is trained. */
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { exampleDamaged, nothingReadable } from '../../compiler/diagnostics/data.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import type { Dataset } from './dataset.js'
import type { Wanted } from './decode.js'
import { Damage, DataFailure } from './failure.js'
import { Order, uniforms } from './order.js'
import type { Pool } from './pool.js'

/** What batches are to be like. */
export interface LoaderOptions {
  /** 1 is grey; 3 are red, green and blue. */
  readonly channels: 1 | 3
  /** Frames of a video; 1 for images. The data set must have been opened for as many. */
  readonly frames: number
  /** In pixels. */
  readonly side: number
  /** Examples in a batch. */
  readonly batch: number
  readonly seed: number
  /** Whether half of the examples are mirrored, left to right. */
  readonly flip: boolean
  /** The first batch that is wanted, counted from 0 as if all were of this size. */
  readonly firstStep?: number
  /** Batches that are prepared before they are asked for. */
  readonly ahead?: number
  /** Frames of the original from one frame to the next, where the video is long enough. */
  readonly stride?: number
  /** Bytes that decoded images may take in memory: if all of them fit, each is decoded once. */
  readonly memory?: number
  /** What is behind transparent images: red, green and blue from 0 to 255. */
  readonly background?: readonly [number, number, number]
}

/** A batch. */
export interface Batch {
  /** [batch, channels, side, side], for several frames [batch, channels, frames, side, side]; float32, -1 to 1. */
  readonly images: Tensor
  /** The number of each row's example in the data set. */
  readonly examples: readonly number[]
}

/** An example that cannot be decoded. */
export interface Skipped {
  readonly name: string
  readonly problem: string
}

/** What is behind transparent images, where nothing else is said. */
export const white = [255, 255, 255] as const
/** Damaged examples that are told one by one. */
export const toldOneByOne = 8
/** Examples tried for one row before the data is given up. */
const mostAttempts = 10_000

/** Of so many examples in a row, none can be decoded. */
class NothingReadable extends DataFailure {
  constructor(
    readonly tried: number,
    readonly last: Skipped,
  ) {
    super(
      `of ${tried} examples of the data set none can be read; ${last.name}, for one: ${last.problem}`,
      'see whether the data is still there, then resume the run',
    )
  }
}

interface Row {
  readonly example: number
  readonly pixels: Uint8Array
}

/** The batches of a data set, from a given one on without end. */
export class Loader {
  readonly #ready: Promise<Batch>[] = []
  readonly #skipped = new Map<number, Skipped>()
  /** Images that have been decoded or are about to be; undefined if there are too many to keep. */
  readonly #kept: Map<number, Promise<Uint8Array>> | undefined
  readonly #order: Order
  readonly #wanted: Wanted
  #step: number
  #waited = 0

  private constructor(
    private readonly dataset: Dataset,
    private readonly options: LoaderOptions,
    private readonly pool: Pool,
    private readonly report: Report,
  ) {
    const { channels, frames, side, seed, stride = 1, background = white, memory = 256 * 2 ** 20 } = options
    this.#order = new Order(dataset.length, seed)
    this.#step = options.firstStep ?? 0
    this.#kept = frames === 1 && dataset.length * channels * side * side <= memory ? new Map() : undefined
    this.#wanted = { channels, frames, side, stride, background }
  }

  /**
   * Starts to prepare batches, and waits for the first. Examples that cannot be decoded are told as warnings, and others
   * take their place: the same ones in every run. If none can be decoded, that is reported, and gives undefined. Throws
   * a DataFailure where a program or a package is missing.
   */
  static async open(dataset: Dataset, options: LoaderOptions, pool: Pool, report: Report): Promise<Loader | undefined> {
    const loader = new Loader(dataset, options, pool, report)
    try {
      loader.#prepareAhead()
      await loader.#ready[0]
      return loader
    } catch (error) {
      if (!(error instanceof NothingReadable)) throw error
      report(nothingReadable({ tried: error.tried, ...error.last }), undefined)
      return undefined
    }
  }

  /** The next batch; its numbers are a function of the data set, the options and the step. Throws a DataFailure. */
  async next(): Promise<Batch> {
    const start = performance.now()
    const batch = this.#ready.shift()
    if (batch === undefined) throw new Error('no batch is being prepared')
    this.#prepareAhead()
    const found = await batch
    this.#waited += performance.now() - start
    return found
  }

  /** Goes on with another batch than the next. */
  goTo(step: number): void {
    this.#ready.length = 0
    this.#step = step
    this.#prepareAhead()
  }

  /** Milliseconds that callers have waited for batches. */
  get waited(): number {
    return this.#waited
  }

  /** The examples that could not be decoded so far. */
  get skipped(): readonly Skipped[] {
    return [...this.#skipped.values()]
  }

  #prepareAhead(): void {
    while (this.#ready.length < Math.max(1, this.options.ahead ?? 2)) {
      const batch = this.#prepare(this.#step++)
      // Whoever asks for the batch is told; until then nobody is.
      batch.catch(() => undefined)
      this.#ready.push(batch)
    }
  }

  async #prepare(step: number): Promise<Batch> {
    const { batch, seed, flip, channels, frames, side } = this.options
    const first = step * batch
    const moments = frames === 1 ? new Float64Array(batch) : uniforms(seed, 'data:clip', first, batch)
    const rows = await Promise.all(Array.from(moments, (moment, row) => this.#row(first + row, moment)))
    const mirrored = flip ? uniforms(seed, 'data:flip', first, batch) : new Float64Array(batch).fill(1)
    const size = channels * frames * side * side
    const data = new Float32Array(batch * size)
    rows.forEach(({ pixels }, row) => writeRow(pixels, data, row * size, side, (mirrored[row] ?? 1) < 0.5))
    const shape = [batch, channels, ...(frames === 1 ? [] : [frames]), side, side]
    return { images: { shape, data }, examples: rows.map(({ example }) => example) }
  }

  /** The example of a position, or whatever takes its place. */
  async #row(position: number, moment: number): Promise<Row> {
    const attempts = Math.min(mostAttempts, this.dataset.length)
    let example = this.#order.at(position)
    for (let attempt = 0; ; attempt++) {
      const found = await this.#decode(example, moment)
      if (found instanceof Uint8Array) return { example, pixels: found }
      if (attempt === attempts) throw new NothingReadable(attempts, found)
      example = this.#order.instead(position, attempt)
    }
  }

  async #decode(example: number, moment: number): Promise<Uint8Array | Skipped> {
    // Of a video, another clip may be whole: what is known of this one must not decide about that.
    const known = this.options.frames === 1 ? this.#skipped.get(example) : undefined
    if (known !== undefined) return known
    try {
      const decoding =
        this.#kept?.get(example) ?? this.pool.decode(this.dataset.sourceOf(example), this.#wanted, moment)
      this.#kept?.set(example, decoding)
      return await decoding
    } catch (error) {
      if (!(error instanceof Damage)) throw error
      return this.#skip(example, error.problem)
    }
  }

  #skip(example: number, problem: string): Skipped {
    const known = this.#skipped.get(example)
    if (known !== undefined) return known
    const skipped = { name: this.dataset.nameOf(example), problem }
    this.#skipped.set(example, skipped)
    if (this.#skipped.size <= toldOneByOne) this.report(exampleDamaged({ ...skipped, replaced: true }), undefined)
    return skipped
  }
}

/** Byte 0 is -1, byte 255 is 1. */
const values = Float32Array.from({ length: 256 }, (_, byte) => byte / 127.5 - 1)

function writeRow(pixels: Uint8Array, target: Float32Array, at: number, side: number, mirrored: boolean): void {
  if (!mirrored) {
    for (let i = 0; i < pixels.length; i++) target[at + i] = values[pixels[i] ?? 0] ?? 0
    return
  }
  for (let line = 0; line < pixels.length; line += side)
    for (let x = 0; x < side; x++) target[at + line + side - 1 - x] = values[pixels[line + x] ?? 0] ?? 0
}
