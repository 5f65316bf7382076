/** A file read at any place, without holding it in memory. */
import { open, type FileHandle } from 'node:fs/promises'
import { weightsChanged, weightsNotReadable } from '../../compiler/diagnostics/weights.js'
import { guarded, WeightFailure } from './failure.js'
import type { RandomAccess } from './source.js'

/** One read call of the system takes less than 2 GiB. */
const largestRead = 2 ** 30

/** An open file of known size. */
export class RandomAccessFile implements RandomAccess {
  readonly size: number
  readonly #handle: FileHandle

  private constructor(handle: FileHandle, size: number) {
    this.#handle = handle
    this.size = size
  }

  /** Opens a file; throws a WeightFailure if that is impossible. */
  static async open(path: string): Promise<RandomAccessFile> {
    return guarded(async () => {
      const handle = await open(path, 'r')
      try {
        const stat = await handle.stat()
        if (stat.isFile()) return new RandomAccessFile(handle, stat.size)
        throw new WeightFailure(
          weightsNotReadable({ problem: stat.isDirectory() ? 'it is a folder' : 'it is not a regular file' }),
        )
      } catch (error) {
        await handle.close()
        throw error
      }
    }, weightsNotReadable)
  }

  async readInto(target: Uint8Array, position: number): Promise<void> {
    await guarded(async () => {
      let done = 0
      while (done < target.length) {
        const length = Math.min(largestRead, target.length - done)
        const { bytesRead } = await this.#handle.read(target, done, length, position + done)
        if (bytesRead === 0) throw new WeightFailure(weightsChanged({ problem: 'the file has become shorter' }))
        done += bytesRead
      }
    }, weightsChanged)
  }

  async bytes(position: number, length: number): Promise<Uint8Array> {
    const target = new Uint8Array(length)
    await this.readInto(target, position)
    return target
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}
