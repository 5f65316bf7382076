/** Files that appear whole or not at all: written under another name, then renamed. */
import { randomUUID } from 'node:crypto'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { weightsNotWritable } from '../../compiler/diagnostics/weights.js'
import { systemProblem, WeightFailure } from './failure.js'
import { encodedPieces } from './encode.js'
import { bytesOf, elementsOf } from './dtype.js'
import type { TensorEntry } from './source.js'

/** Values for an entry: float32 to be converted to its dtype, or its bytes as stored, whole or in pieces. */
export type TensorValues = Float32Array | Uint8Array | AsyncIterable<Uint8Array>

/** Gives the values of each entry when they are due, so that only one tensor is in memory. */
export type ValuesOf = (entry: TensorEntry) => TensorValues | Promise<TensorValues>

/** A file being written from start to end, with corrections in between. */
export class Output {
  #position = 0
  readonly #handle: FileHandle
  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  get position(): number {
    return this.#position
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.overwrite(bytes, this.#position)
    this.#position += bytes.length
  }

  async overwrite(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0
    while (done < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, position + done)
      done += bytesWritten
    }
  }
}

/**
 * Has `write` make a file under another name, which then gets the name `path`. A failure leaves no file behind and is
 * thrown as it is.
 */
export async function writeAside(path: string, write: (partial: string) => Promise<void>): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`
  try {
    await write(partial)
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined)
    throw error
  }
}

/** Writes a new file piece by piece; it is on the disk when this ends. */
export async function writeOutput(path: string, write: (output: Output) => Promise<void>): Promise<void> {
  const handle = await open(path, 'wx')
  try {
    await write(new Output(handle))
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes `path` by `write`; a failure leaves no file behind and is thrown as a WeightFailure. */
export async function writeWhole(path: string, write: (output: Output) => Promise<void>): Promise<void> {
  try {
    await writeAside(path, (partial) => writeOutput(partial, write))
  } catch (error) {
    const problem = systemProblem(error)
    throw problem === undefined ? error : new WeightFailure(weightsNotWritable({ problem }))
  }
}

/** The bytes of an entry in pieces. Values of another size than the entry's are the caller's bug. */
export async function* piecesOf(entry: TensorEntry, valuesOf: ValuesOf): AsyncGenerator<Uint8Array> {
  const values = await valuesOf(entry)
  const pieces =
    values instanceof Float32Array
      ? encodedPieces(entry.dtype, values)
      : values instanceof Uint8Array
        ? [values]
        : values
  const expected = elementsOf(entry.shape) * bytesOf(entry.dtype)
  let count = 0
  for await (const piece of pieces) {
    count += piece.length
    yield piece
  }
  if (count !== expected) throw new Error(`tensor ${entry.name} has ${count} bytes of values, ${expected} expected`)
}
