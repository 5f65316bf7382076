/** What the tests of run folders share: settings, tensors that tell which step they are of, and what was reported. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { renderDiagnostic } from '../../compiler/diagnostics/render.js'
import { encode } from '../../runtime/images/encode.js'
import { latestCheckpoint, type SavedCheckpoint } from '../../runtime/run/checkpoints.js'
import { RunFolder } from '../../runtime/run/folder.js'
import { noReport } from '../shipped.js'
import { settings } from './training.js'

/** A folder that lasts as long as the test file; each call of `at` names a place in it. */
export function temporaryFolder(): { at(name: string): string } {
  const folder = mkdtempSync(join(tmpdir(), 'mdmc-run-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  return { at: (name) => join(folder, name) }
}

/** A run in a new folder. */
export async function newRun(path: string): Promise<RunFolder> {
  const run = await RunFolder.create(path, settings, noReport)
  if (run === undefined) throw new Error('no run')
  return run
}

/** A run that was there before. */
export async function openRun(path: string): Promise<RunFolder> {
  const run = await RunFolder.open(path, noReport)
  if (run === undefined) throw new Error('no run')
  return run
}

/** Checks that all of a checkpoint's values are its step. */
export async function expectWhole(saved: SavedCheckpoint): Promise<void> {
  expect(saved.state).toEqual({ phase: 1, adam: saved.step, scale: 65536.5, text: 'größe' })
  expect(Object.keys(saved.tensors).sort()).toEqual(['average', 'model', 'optimizer'])
  for (const source of Object.values(saved.tensors)) {
    expect(source.entries).toHaveLength(2)
    for (const { name } of source.entries)
      expect((await source.read(name)).every((value) => value === saved.step)).toBe(true)
  }
  await saved.close()
}

/** The step that a run would go on from, with what the user reads. */
export async function latest(path: string): Promise<{ step: number | undefined; text: string }> {
  const found = new DiagnosticList()
  const saved = await latestCheckpoint(path, found.report)
  if (saved) await expectWhole(saved)
  return { step: saved?.step, text: shown(found, path) }
}

/** What a user reads, with `RUN` for the folder. */
export function shown(found: DiagnosticList, path: string): string {
  return found.all
    .map((it) => renderDiagnostic(it, new Map()))
    .join('\n\n')
    .replaceAll(path, 'RUN')
}

/** A small picture whose colour depends on the step. */
export async function pngOf(step: number, width = 12, height = 8): Promise<Buffer> {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7 + step) % 256)
  return encode({ width, height, channels: 3, data }, 'png')
}
