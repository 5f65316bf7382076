/** Files that grow by a record at a time. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { writingFailed } from './failure.js'

/**
 * A file to whose end records are written at once, in the order of the calls; small ones, as the program waits. A record
 * for which there is no room leaves nothing behind.
 */
export class AppendedFile {
  #length: number
  readonly #descriptor: number

  /** Opens the file, or makes it. Throws a RunFailure where it cannot. */
  constructor(private readonly path: string) {
    this.#descriptor = this.#writing(() => openSync(path, 'a'))
    this.#length = this.#writing(() => fstatSync(this.#descriptor).size)
  }

  /** Throws a RunFailure where the disk refuses. */
  append(record: Uint8Array): void {
    this.#writing(() => {
      try {
        for (let done = 0; done < record.length;) done += writeSync(this.#descriptor, record, done)
      } catch (error) {
        this.#takeBack()
        throw error
      }
    })
    this.#length += record.length
  }

  /** What has been written is on the disk when this ends. */
  sync(): void {
    this.#writing(() => fsyncSync(this.#descriptor))
  }

  close(): void {
    closeSync(this.#descriptor)
  }

  #takeBack(): void {
    try {
      ftruncateSync(this.#descriptor, this.#length)
    } catch {
      // Readers pass over a torn record, and why it could not be written matters more.
    }
  }

  #writing<T>(action: () => T): T {
    try {
      return action()
    } catch (error) {
      throw writingFailed(this.path, error)
    }
  }
}
