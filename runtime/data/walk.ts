/** The files of a folder and of those in it. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemProblem } from '../../files/problem.js'

/** A file as it was found. */
export interface FoundFile {
  readonly path: string
  /** From the folder that was searched, with `/` between folders. */
  readonly name: string
}

/**
 * All files by their names' characters; those that begin with a dot, as systems and editors leave them, are left out.
 * Links are followed, but not in circles. Throws the system's error where a folder cannot be read.
 */
export async function filesUnder(folder: string): Promise<FoundFile[]> {
  const files: FoundFile[] = []
  await collect(folder, '', new Set(), files)
  return files.sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function collect(folder: string, prefix: string, above: ReadonlySet<string>, files: FoundFile[]): Promise<void> {
  const { dev, ino } = await stat(folder)
  const self = `${dev}:${ino}`
  if (above.has(self)) return
  const within = new Set(above).add(self)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue
    const path = join(folder, entry.name)
    const name = prefix + entry.name
    const found = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry
    if (found?.isDirectory()) await collect(path, `${name}/`, within, files)
    else if (found?.isFile()) files.push({ path, name })
  }
}

/** Size of a file in bytes; 0 where the system does not tell, which shows when the file is read. */
export async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    (error: unknown) => {
      if (systemProblem(error) === undefined) throw error
      return 0
    },
  )
}
