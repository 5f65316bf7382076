/** Writes tars, file by file as they come. */
import { pack } from 'tar-stream'
import { writeWhole } from '../../files/whole.js'

/** A file of a tar. */
export interface TarFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/** The same for everybody, so that the same content gives the same bytes. */
const modified = new Date(0)

/** Writes `path`, which appears whole or not at all; gives its size in bytes. What `files` throws is thrown. */
export async function writeTar(path: string, files: AsyncIterable<TarFile>): Promise<number> {
  let size = 0
  await writeWhole(path, async (output) => {
    const packing = pack()
    const fill = async () => {
      for await (const { name, bytes } of files)
        await new Promise<void>((resolve, reject) => {
          packing.entry({ name, mtime: modified }, bytes, (error) => (error ? reject(error) : resolve()))
        })
      packing.finalize()
    }
    const filled = fill().catch((error: unknown) => {
      packing.destroy(error instanceof Error ? error : new Error(String(error)))
      throw error
    })
    // Whoever waits below is told.
    filled.catch(() => undefined)
    for await (const piece of packing) await output.append(piece as Uint8Array)
    await filled
    size = output.position
  })
  return size
}
