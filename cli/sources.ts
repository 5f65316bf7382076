/** Sources on disk: paths as the user writes them, and the blocks that come with mdmc. */
import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SourceHost } from '../compiler/check/load.js'
import { DiagnosticList } from '../compiler/diagnostics/diagnostic.js'
import { missingFile } from '../compiler/diagnostics/language.js'
import { showDiagnostics } from './report.js'

/** The folder of models that comes with mdmc; it lies beside the folder of the program. */
const shipped = fileURLToPath(new URL('../models', import.meta.url))

function onDisk(path: string): string {
  return path.startsWith('std/') ? join(shipped, path) : path
}

export const disk: SourceHost = {
  read: (path) => {
    try {
      return readFileSync(onDisk(path), 'utf8')
    } catch {
      return undefined
    }
  },
  resolve: (from, to) => {
    if (to.startsWith('std/')) return to
    const path = resolve(dirname(onDisk(from)), to)
    const near = relative('.', path)
    // What lies elsewhere is clearer by its whole path than by a row of dots.
    return isAbsolute(from) || near.startsWith('..') ? path : near
  },
}

/** The text of a file that the user named; undefined where it cannot be read, which is shown. */
export function readGiven(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    const found = new DiagnosticList()
    found.report(missingFile({ path: file, imported: false }), undefined)
    showDiagnostics(found.all)
    return undefined
  }
}
