/** Files and folders that appear whole or not at all: written under another name, then renamed. */
import { randomUUID } from 'node:crypto'
import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isSystemError } from './problem.js'

/** How names of what is not yet whole end. */
const partialEnding = '.partial'
const isPartial = /\.[0-9a-f-]{36}\.partial$/

/** A file being written from start to end, with corrections in between. */
export class Output {
  #position = 0
  readonly #handle: FileHandle
  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /** Where the next appended byte comes. */
  get position(): number {
    return this.#position
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.writeAt(bytes, this.#position)
    this.#position += bytes.length
  }

  /** Writes at any place, also beyond the end: a gap takes no room where the file system can leave it out. */
  async writeAt(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0
    while (done < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, position + done)
      done += bytesWritten
    }
  }
}

/** What a file is to hold: its bytes, or what writes them. */
export type Content = Uint8Array | string | ((output: Output) => Promise<void>)

/**
 * Has `write` make a file or a folder under another name beside `path`, which then gets that name. What `write` makes
 * must be on the disk when it ends (see writeOutput); its name is when this ends. A file that was there before is
 * replaced, a folder must not be there. A failure leaves nothing behind and is thrown as it is.
 */
export async function writeAside(path: string, write: (partial: string) => Promise<void>): Promise<void> {
  const partial = `${path}.${randomUUID()}${partialEnding}`
  try {
    await write(partial)
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined)
    throw error
  }
  await syncFolder(dirname(path))
}

/** Writes a new file, piece by piece if need be; it is on the disk when this ends. */
export async function writeOutput(path: string, content: Content): Promise<void> {
  const handle = await open(path, 'wx')
  try {
    const output = new Output(handle)
    if (typeof content === 'function') await content(output)
    else await output.append(typeof content === 'string' ? Buffer.from(content) : content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes the file `path`, as writeAside. */
export async function writeWhole(path: string, content: Content): Promise<void> {
  await writeAside(path, (partial) => writeOutput(partial, content))
}

/** Puts the names in a folder on the disk, where the system has a way to: a power cut cannot undo a renaming then. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const handle = await open(path, 'r')
    await handle.sync().finally(() => handle.close())
  } catch (error) {
    // Windows opens no folders, and some network file systems cannot do this.
    if (!isSystemError(error, 'EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EBADF')) throw error
  }
}

/** Takes a file or folder away such that it is never seen in part, even if this is interrupted (see removePartials). */
export async function removeWhole(path: string): Promise<void> {
  const partial = `${path}.${randomUUID()}${partialEnding}`
  await rename(path, partial)
  await rm(partial, { recursive: true, force: true })
}

/** Removes from a folder what writers that were killed have left. Only for folders that nobody else writes to. */
export async function removePartials(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (isPartial.test(name)) await rm(join(folder, name), { recursive: true, force: true })
}
