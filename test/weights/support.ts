/** What the tests of weights share: a folder that vanishes, files in it, and archives made byte by byte. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { openWeights } from '../../runtime/weights/open.js'
import type { WeightSource } from '../../runtime/weights/source.js'

export { checkpointOf, readEverything, safetensorsOf, tensorPickle, text, zipOf } from './archives.js'

/** A folder for the tests of one file. */
export function temporaryFolder(): {
  path(name: string): string
  write(name: string, content: Uint8Array): Promise<string>
} {
  let folder = ''
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'mdmc-weights-'))))
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const path = (name: string) => join(folder, name)
  return {
    path,
    async write(name, content) {
      await writeFile(path(name), content)
      return path(name)
    },
  }
}

/** Opens weights that must be fine. */
export async function opened(path: string): Promise<WeightSource> {
  const list = new DiagnosticList()
  const source = await openWeights(path, list.report)
  if (source === undefined) throw new Error(list.all.map((it) => `${it.code} ${it.message}`).join('\n'))
  return source
}

/** Opens weights that must be refused: code and message of the one diagnostic. */
export async function refused(path: string): Promise<string> {
  const list = new DiagnosticList()
  const source = await openWeights(path, list.report)
  await source?.close()
  if (source !== undefined || list.all.length !== 1) throw new Error(`${list.all.length} diagnostics`)
  return list.all.map((it) => `${it.code} ${it.message}`).join('\n')
}
