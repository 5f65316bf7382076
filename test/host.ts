/** Sources in memory, with the standard blocks from the disk. */
import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import type { SourceHost } from '../compiler/check/load.js'

/** A host that knows these files by path; paths that begin with `std/` are mdmc's own. */
export function memoryHost(files: Readonly<Record<string, string>>): SourceHost {
  return {
    read: (path) => (path.startsWith('std/') ? standard(path) : Object.hasOwn(files, path) ? files[path] : undefined),
    resolve: (from, to) => (to.startsWith('std/') ? to : posix.join(posix.dirname(from), to)),
  }
}

const read = new Map<string, string | undefined>()

function standard(path: string): string | undefined {
  if (!read.has(path))
    read.set(path, path === 'std/blocks.mdm' ? readFileSync('models/std/blocks.mdm', 'utf8') : undefined)
  return read.get(path)
}
