/** Zip archives by random access: yauzl reads the directory, entries are read where they lie. */
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { createInflateRaw } from 'node:zlib'
import { fromRandomAccessReaderPromise, RandomAccessReader, type Entry, type ZipFile } from 'yauzl'
import { pthDamaged, quoted, weightsTooLarge } from '../../compiler/diagnostics/weights.js'
import { WeightFailure } from './failure.js'
import type { RandomAccessFile } from './file.js'
import { filePieces } from './stored.js'

const mostEntries = 100_000
/** Deflate reaches 1000 : 1 only for what is almost empty. */
const largestRatio = 200
const alwaysAllowed = 2 ** 24

/** A file inside the archive. */
export interface ZipEntry {
  readonly name: string
  /** Where its first byte, perhaps compressed, lies in the archive. */
  readonly position: number
  readonly storedSize: number
  readonly size: number
  readonly deflated: boolean
}

function damaged(problem: string): WeightFailure {
  return new WeightFailure(pthDamaged({ problem }))
}

/** Gives yauzl our file. Places outside of it, which a damaged directory may name, are an error and not a crash. */
class Reader extends RandomAccessReader {
  readonly #file: RandomAccessFile
  constructor(file: RandomAccessFile) {
    super()
    this.#file = file
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    if (!(position >= 0 && position + length <= this.#file.size)) {
      setImmediate(callback, new Error('it ends too early'))
      return
    }
    this.#file.readInto(buffer.subarray(offset, offset + length), position).then(
      () => callback(null, length),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
    )
  }

  /** The file is closed by who opened it. */
  override close(callback: (error: Error | null) => void): void {
    callback(null)
  }
}

/** Runs what yauzl does; whatever it complains about is damage. */
async function parsing<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof WeightFailure || !(error instanceof Error)) throw error
    const withoutEnd = error.message.startsWith('End of central directory')
    throw damaged(withoutEnd ? 'the end of the archive is missing' : error.message)
  }
}

/** An open archive. */
export class ZipArchive {
  readonly #file: RandomAccessFile
  readonly #zip: ZipFile
  readonly #entries: ReadonlyMap<string, Entry>

  private constructor(file: RandomAccessFile, zip: ZipFile, entries: ReadonlyMap<string, Entry>) {
    this.#file = file
    this.#zip = zip
    this.#entries = entries
  }

  /** Reads the directory; throws a WeightFailure if it is damaged. */
  static async open(file: RandomAccessFile): Promise<ZipArchive> {
    return parsing(async () => {
      const options = { lazyEntries: true, autoClose: false }
      const zip = await fromRandomAccessReaderPromise(new Reader(file), file.size, options)
      if (zip.entryCount > mostEntries) {
        throw new WeightFailure(
          weightsTooLarge({ what: 'the number of files in the archive', limit: String(mostEntries) }),
        )
      }
      const entries = new Map<string, Entry>()
      for await (const entry of zip.eachEntry()) {
        if (entries.has(entry.fileName)) throw damaged(`the archive has ${quoted(entry.fileName)} twice`)
        entries.set(entry.fileName, entry)
      }
      return new ZipArchive(file, zip, entries)
    })
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()]
  }

  /** Where a file lies; undefined if the archive has no such file. */
  async find(name: string): Promise<ZipEntry | undefined> {
    const entry = this.#entries.get(name)
    if (entry === undefined) return undefined
    const { compressionMethod, compressedSize: storedSize, uncompressedSize: size } = entry
    if (entry.isEncrypted()) throw damaged(`${quoted(name)} is encrypted`)
    if (compressionMethod !== 0 && compressionMethod !== 8) {
      throw damaged(`${quoted(name)} is compressed by the unknown method ${compressionMethod}`)
    }
    const deflated = compressionMethod === 8
    if (deflated && size > alwaysAllowed && size > storedSize * largestRatio) {
      const what = `the compression of ${quoted(name)}`
      throw new WeightFailure(weightsTooLarge({ what, limit: `${largestRatio} : 1` }))
    }
    const { fileDataStart } = await parsing(() => this.#zip.readLocalFileHeaderPromise(entry, { minimal: true }))
    return { name, position: fileDataStart, storedSize, size, deflated }
  }

  /** Fills `target` with the entry's bytes from `start` on. Of a compressed entry all is read and checked. */
  async readInto(target: Uint8Array, entry: ZipEntry, start: number): Promise<void> {
    if (entry.deflated) await this.#inflate(target, entry, start)
    else await this.#file.readInto(target, entry.position + start)
  }

  /** Checks that a compressed entry can be inflated, in little memory. */
  async check(entry: ZipEntry): Promise<void> {
    if (entry.deflated) await this.#inflate(new Uint8Array(0), entry, 0)
  }

  async #inflate(target: Uint8Array, entry: ZipEntry, start: number): Promise<void> {
    let at = 0
    const collect = async (pieces: AsyncIterable<Buffer>) => {
      for await (const piece of pieces) {
        if (at + piece.length > entry.size) throw damaged(`${quoted(entry.name)} is longer than it claims`)
        const from = Math.max(0, start - at)
        const to = Math.min(piece.length, start + target.length - at)
        if (from < to) target.set(piece.subarray(from, to), at + from - start)
        at += piece.length
      }
    }
    // Every piece is copied, because the file's buffer is used again.
    const pieces = async function* (file: RandomAccessFile) {
      for await (const piece of filePieces(file, entry.position, entry.storedSize)) yield Buffer.from(piece)
    }
    await parsing(() => pipeline(Readable.from(pieces(this.#file)), createInflateRaw(), collect))
    if (at !== entry.size) throw damaged(`${quoted(entry.name)} is shorter than it claims`)
  }
}
