/** Features of captions in files, a few hundred captions each, of which any can be read by itself. */
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Row } from '../text/encoder.js'
import { WeightFailure } from '../weights/failure.js'
import { RandomAccessFile } from '../weights/file.js'
import { readSafetensorsHeader } from '../weights/safetensors-header.js'
import type { TensorEntry } from '../weights/source.js'
import { readStored, type StoredTensor } from '../weights/stored.js'
import { writeSafetensors } from '../weights/write-safetensors.js'
import { RecentFiles } from './recent.js'

/** Captions one after the other. */
export interface Shelf {
  /** Tokens of each caption. */
  readonly lengths: readonly number[]
  /** [tokens of all, width], row-major. */
  readonly features: Float32Array
  /** Per token: 1, or 0 for what is no token. */
  readonly mask: Float32Array
}

interface Entry {
  readonly path: string
  /** Where each caption's tokens begin, and where the last one's end. */
  readonly starts: Uint32Array
  readonly mask: Uint8Array
  /** The features' first byte in the file. */
  readonly position: number
  /** Where they are held in memory. */
  readonly features: Float32Array | undefined
}

const floatBytes = 4
/** Features that are held in memory; those beyond are read from the disk. */
const heldBytes = 256 * 2 ** 20

/** Files of features, in the order in which they are added. */
export class ShelfFiles {
  readonly #entries: Entry[] = []
  readonly #files = new RecentFiles((path: string) => RandomAccessFile.open(path))
  #held = 0

  constructor(
    private readonly width: number,
    private readonly memory = heldBytes,
  ) {}

  /** Adds a file that was written before; false if there is none, or it is not what it should be. */
  async open(path: string, captions: number): Promise<boolean> {
    try {
      return await this.#add(path, captions)
    } catch (error) {
      if (error instanceof WeightFailure) return false
      throw error
    }
  }

  /** Writes a file and adds it; false if the disk refuses, which is reported. */
  async write(path: string, { lengths, features, mask }: Shelf, report: Report): Promise<boolean> {
    const values = new Map([
      ['text', { shape: [mask.length, this.width], data: features }],
      ['text_mask', { shape: [mask.length], data: mask }],
      ['lengths', { shape: [lengths.length], data: Float32Array.from(lengths) }],
    ])
    const entries = Array.from(values, ([name, { shape }]): TensorEntry => ({ name, dtype: 'F32', shape }))
    const valuesOf = ({ name }: TensorEntry) => values.get(name)?.data ?? new Float32Array()
    return (await writeSafetensors(path, entries, valuesOf, report)) && this.#add(path, lengths.length)
  }

  /** A caption of a file. Throws a WeightFailure if the file cannot be read any more. */
  async row(file: number, caption: number): Promise<Row> {
    const entry = this.#entries[file]
    const [start = 0, end = 0] = entry?.starts.subarray(caption, caption + 2) ?? []
    if (entry === undefined || end === 0) throw new Error(`no caption ${caption} in file ${file}`)
    const mask = Float32Array.from(entry.mask.subarray(start, end))
    const held = entry.features?.subarray(start * this.width, end * this.width)
    if (held !== undefined) return { features: held, mask }
    const features = new Float32Array((end - start) * this.width)
    const position = entry.position + start * this.width * floatBytes
    await this.#files.use(entry.path, (open) => open.readInto(new Uint8Array(features.buffer), position))
    return { features, mask }
  }

  close(): Promise<void> {
    return this.#files.close()
  }

  async #add(path: string, captions: number): Promise<boolean> {
    const file = await RandomAccessFile.open(path)
    try {
      const { tensors } = await readSafetensorsHeader(file)
      const find = (name: string) => tensors.find((tensor) => tensor.name === name && tensor.dtype === 'F32')
      const [text, mask, lengths] = [find('text'), find('text_mask'), find('lengths')]
      if (text === undefined || mask === undefined || lengths === undefined) return false
      const starts = startsOf(await readStored(file, lengths))
      const tokens = starts[starts.length - 1] ?? 0
      const fits = hasShape(text, tokens, this.width) && hasShape(mask, tokens) && hasShape(lengths, captions)
      if (!fits) return false
      const bytes = tokens * this.width * floatBytes
      const held = this.#held + bytes <= this.memory
      if (held) this.#held += bytes
      this.#entries.push({
        path,
        starts,
        mask: Uint8Array.from(await readStored(file, mask)),
        position: text.position,
        features: held ? await readStored(file, text) : undefined,
      })
      return true
    } finally {
      await file.close()
    }
  }
}

function startsOf(lengths: Float32Array): Uint32Array {
  const starts = new Uint32Array(lengths.length + 1)
  lengths.forEach((length, i) => {
    starts[i + 1] = (starts[i] ?? 0) + length
  })
  return starts
}

function hasShape({ shape }: StoredTensor, ...expected: readonly number[]): boolean {
  return shape.length === expected.length && shape.every((side, axis) => side === expected[axis])
}
