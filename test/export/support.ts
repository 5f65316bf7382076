/** What the tests of exports share: a model from its text, and the whole way to a written folder. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Model } from '../../compiler/check/model.js'
import { checkFile } from '../../compiler/compile.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Dataset } from '../../runtime/data/dataset.js'
import { openDataset } from '../../runtime/data/open.js'
import { listTar } from '../../runtime/data/tar.js'
import { exportData, type ExportOutcome } from '../../runtime/export/export.js'
import { ExportFolder } from '../../runtime/export/folder.js'
import { openExport, type ExportWishes } from '../../runtime/export/open.js'
import { present, standard, told } from '../data/support.js'
import { memoryHost } from '../host.js'

/** A model of 8 x 8 pixels, with more said of it. */
export function modelOf(more: string): Model {
  const source = `model Small { groups 8  level 8 { channels 16  blocks 1 } ${more} }`
  const { models, diagnostics } = checkFile('small.mdm', memoryHost({ 'small.mdm': source }))
  expect(diagnostics.map(({ message }) => message)).toEqual([])
  return present(models[0])
}

const usual: Omit<ExportWishes, 'data'> = {
  only: [],
  heldOut: 0,
  encoder: undefined,
  prompts: [],
  labels: [],
  seed: standard.seed,
  shardSize: 4,
  textPrecision: 'fp32',
}

/** Where the data is, and what is not as usual. */
type Wishes = Partial<ExportWishes> & Pick<ExportWishes, 'data'>

/** Exports as the command does; ends once `examples` are written. */
export async function exportTo(
  path: string,
  model: Model,
  wishes: Wishes,
  report: Report,
  examples = Infinity,
): Promise<ExportOutcome | undefined> {
  const opened = await openExport(model, { ...usual, ...wishes }, report, () => undefined)
  const folder = opened && (await ExportFolder.open(path, opened.settings, report))
  if (opened === undefined || folder === undefined) return undefined
  let done = 0
  const hooks = { onExamples: (count: number) => (done += count), stopping: () => done >= examples }
  try {
    return await exportData(opened, folder, 1, hooks, report)
  } finally {
    await folder.close()
  }
}

/** As exportTo, with nothing to be told. */
export async function exported(path: string, model: Model, wishes: Wishes) {
  const [outcome, words] = await told((report) => exportTo(path, model, wishes, report))
  expect(words).toBe('')
  if (outcome?.kind !== 'done') throw new Error('not done')
  return outcome
}

/** The files of all shards, by name. */
export function filesOf(path: string): Map<string, Buffer> {
  const tars = readdirSync(path).filter((name) => name.endsWith('.tar'))
  return new Map(
    tars.sort().flatMap((tar) => {
      const bytes = readFileSync(join(path, tar))
      const { members, problem } = listTar(join(path, tar), () => false)
      expect(problem).toBeUndefined()
      return members.map(({ name, position, length }) => [name, bytes.subarray(position, position + length)] as const)
    }),
  )
}

export function readJson(...path: readonly string[]): unknown {
  return JSON.parse(readFileSync(join(...path), 'utf8'))
}

/** A data set that must be fine. */
export async function opened(setting: string, frames = 1): Promise<Dataset> {
  const [dataset, words] = await told((report) => openDataset(setting, frames, report))
  expect(words).toBe('')
  return present(dataset)
}
