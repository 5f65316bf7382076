/** Writes a data set as WebDataset shards, with what a training in PyTorch needs beside them (docs/data.md). */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { microDefaults } from '../../compiler/build/denoiser.js'
import { exampleDamaged, nothingReadable } from '../../compiler/diagnostics/data.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { makeFolder } from '../../files/folder.js'
import { writeWhole } from '../../files/whole.js'
import { toldOneByOne, type Skipped } from '../data/loader.js'
import { writing } from '../run/failure.js'
import type { Examples } from '../train/job.js'
import { imagesOf } from '../train/phases.js'
import { writeSafetensors } from '../weights/write-safetensors.js'
import { heldOutFolder, type ExportFolder, type Shard } from './folder.js'
import type { OpenedExport } from './open.js'
import { Samples } from './samples.js'
import { writeTar, type TarFile } from './tar.js'

/** What an export tells while it goes on. */
export interface ExportHooks {
  /** So many more examples are written or left out; `before` were so at an earlier time. */
  onExamples(count: number, before: number): void
  /** Whether to end now. */
  stopping(): boolean
}

/** What has been written into a folder. */
export interface ExportedPart {
  readonly shards: readonly (Pick<Shard, 'examples' | 'bytes'> & { readonly file: string })[]
  readonly examples: number
  readonly skipped: readonly Skipped[]
}

export type ExportOutcome =
  | { readonly kind: 'done'; readonly training: ExportedPart; readonly heldOut: ExportedPart | undefined }
  | { readonly kind: 'stopped' }

/** Ends a shard that is being written, of which nothing is left. */
class Stopped extends Error {}

const promptsFile = 'prompts.safetensors'
const indexFile = 'dataset.json'

/** Examples that an export consists of. */
export function examplesIn({ data: { examples, heldOut } }: OpenedExport): number {
  return examples.dataset.length + (heldOut?.dataset.length ?? 0)
}

/**
 * Writes the shards that are not yet there, then the indices. That no example can be read, and that the disk refuses the
 * prompts, is reported, and gives undefined; a disk that refuses anything else is thrown as a RunFailure.
 */
export async function exportData(
  opened: OpenedExport,
  folder: ExportFolder,
  workers: number,
  hooks: ExportHooks,
  report: Report,
): Promise<ExportOutcome | undefined> {
  const { examples, heldOut } = opened.data
  try {
    const training = await writePart(opened, examples, folder, '', workers, hooks, report)
    const held = heldOut && (await writePart(opened, heldOut, folder, heldOutFolder, workers, hooks, report))
    if (training === undefined || (heldOut && held === undefined)) return undefined
    for (const one of [...training.skipped, ...(held?.skipped ?? [])].slice(0, toldOneByOne))
      report(exampleDamaged({ ...one, replaced: false }), undefined)
    if (!(await writePrompts(opened, folder, report))) return undefined
    if (heldOut && held) await writeIndex(opened, heldOut, held, folder, heldOutFolder)
    await writeIndex(opened, examples, training, folder, '')
    return { kind: 'done', training, heldOut: held }
  } catch (error) {
    if (error instanceof Stopped) return { kind: 'stopped' }
    throw error
  }
}

type Part = ExportedPart & { readonly tokens: number }

async function writePart(
  { model, wishes }: OpenedExport,
  examples: Examples,
  folder: ExportFolder,
  within: string,
  workers: number,
  hooks: ExportHooks,
  report: Report,
): Promise<Part | undefined> {
  await writing(folder.path, () => makeFolder(join(folder.path, within)))
  const { length } = examples.dataset
  const all: [file: string, shard: Shard][] = []
  let samples: Samples | undefined
  try {
    for (let first = 0; first < length; first += wishes.shardSize) {
      const end = Math.min(first + wishes.shardSize, length)
      const name = `${String(all.length).padStart(6, '0')}.tar`
      const file = within === '' ? name : `${within}/${name}`
      let shard = await folder.written(file)
      if (shard) hooks.onExamples(0, end - first)
      else {
        if (samples === undefined) {
          // An index says that all is there.
          await writing(folder.path, () => rm(join(folder.path, within, indexFile), { force: true }))
          samples = new Samples(model, examples, { seed: wishes.seed, workers, textPrecision: wishes.textPrecision })
        }
        await folder.check()
        shard = await writeShard(join(folder.path, file), samples, first, end, hooks)
        await folder.add(file, shard)
      }
      all.push([name, shard])
    }
  } finally {
    await samples?.close()
  }
  const skipped = all.flatMap(([, shard]) => shard.skipped)
  const [one] = skipped
  if (one && skipped.length === length) {
    report(nothingReadable({ tried: length, ...one }), undefined)
    return undefined
  }
  const shards = all.flatMap(([file, { examples, bytes }]) => (examples > 0 ? { file, examples, bytes } : []))
  const tokens = all.reduce((most, [, shard]) => Math.max(most, shard.tokens), 0)
  return { shards, examples: length - skipped.length, skipped, tokens }
}

async function writeShard(
  path: string,
  samples: Samples,
  first: number,
  end: number,
  hooks: ExportHooks,
): Promise<Shard> {
  const skipped: Skipped[] = []
  let [examples, tokens] = [0, 0]
  const files = async function* (): AsyncGenerator<TarFile> {
    for await (const sample of samples.between(first, end)) {
      if (hooks.stopping()) throw new Stopped()
      if ('files' in sample) {
        yield* sample.files
        examples++
        tokens = Math.max(tokens, sample.tokens)
      } else skipped.push(sample)
      hooks.onExamples(1, 0)
    }
  }
  const bytes = await writing(path, () => writeTar(path, files()))
  return { examples, bytes, tokens, skipped }
}

async function writePrompts({ prompts }: OpenedExport, { path }: ExportFolder, report: Report): Promise<boolean> {
  const { text } = prompts
  if (text === undefined) return true
  const rows = new Map([['empty', text.empty], ...text.each.map((row, i) => [`prompts.${i}`, row] as const)])
  const entries = Array.from(rows, ([name, { tokens }]) => ({
    name,
    dtype: 'F32' as const,
    shape: [tokens, text.width],
  }))
  const valuesOf = ({ name }: { readonly name: string }) => rows.get(name)?.features ?? new Float32Array()
  return writeSafetensors(join(path, promptsFile), entries, valuesOf, report)
}

/** Only the training's own folder has prompts. */
async function writeIndex(
  { model, prompts, encoder }: OpenedExport,
  { dataset }: Examples,
  { examples, tokens, shards }: Part,
  folder: ExportFolder,
  within: string,
): Promise<void> {
  const { channels, frames, side } = imagesOf(model)
  const { words, labels, text } = within === '' ? prompts : { ...prompts, words: [], labels: undefined }
  const content = {
    format: 1,
    name: dataset.name,
    examples,
    side,
    frames,
    channels,
    encoder,
    text: text ? [tokens, text.width] : null,
    micros: [...microDefaults(model).keys()],
    labels: model.condition?.kind === 'label' ? model.condition.classes : null,
    shards,
    prompts: text && within === '' ? promptsFile : null,
    prompt_texts: words,
    prompt_labels: labels ?? null,
  }
  const path = join(folder.path, within, indexFile)
  await writing(path, () => writeWhole(path, `${JSON.stringify(content, undefined, 1)}\n`))
}
