/** The checkpoints of a run: the last few and the best one, each there whole or not at all. */
import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { checkpointDamaged, noWholeCheckpoint } from '../../compiler/diagnostics/run.js'
import { removeWhole, syncFolder, writeAside } from '../../files/whole.js'
import { wholeFile } from '../weights/failure.js'
import { openWeights } from '../weights/open.js'
import type { WeightSource } from '../weights/source.js'
import {
  damageOf,
  partPath,
  parts,
  readHead,
  writeCheckpoint,
  type Checkpoint,
  type CheckpointHead,
  type Part,
} from './checkpoint.js'

/** A checkpoint that is whole, opened. */
export interface SavedCheckpoint extends Pick<CheckpointHead, 'step' | 'best' | 'state'> {
  readonly folder: string
  readonly tensors: Readonly<Partial<Record<Part, WeightSource>>>
  close(): Promise<void>
}

/** `step-00001200`: names in the order of the steps. */
export function stepName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`
}

/** The step in a name that stepName gave, with `ending`; undefined for other names. */
export function stepOf(name: string, ending = ''): number | undefined {
  const digits = name.endsWith(ending) ? /^step-(\d{8,15})$/.exec(name.slice(0, name.length - ending.length)) : null
  return digits === null ? undefined : Number(digits[1])
}

export function checkpointsPath(run: string): string {
  return join(run, 'checkpoints')
}

/** A checkpoint that may be damaged. */
interface Candidate {
  readonly step: number
  readonly folder: string
}

/** How the name of a checkpoint ends while another of the same step takes its place. */
const replacedEnding = '.replaced'

/** All checkpoints, the newest first. */
async function candidates(run: string): Promise<Candidate[]> {
  const found = new Map<number, Candidate>()
  for (const name of (await readdir(checkpointsPath(run))).sort()) {
    const step = stepOf(name) ?? stepOf(name, replacedEnding)
    // In this order, what takes a place comes before what is to be replaced, which counts only where the other is missing.
    if (step !== undefined && !found.has(step)) found.set(step, { step, folder: join(checkpointsPath(run), name) })
  }
  return [...found.values()].sort((a, b) => b.step - a.step)
}

/** Whether there is any checkpoint, whole or damaged. */
export async function hasCheckpoints(run: string): Promise<boolean> {
  return (await candidates(run)).length > 0
}

/**
 * Writes a checkpoint, then removes those that are no longer kept: all but the last `keep` (the new one among them) and
 * the best one. Later ones are of a run that was taken up before them, and go too. Throws the system's error where it
 * cannot be written; those before it are untouched then.
 */
export async function saveCheckpoint(run: string, checkpoint: Checkpoint, keep: number): Promise<void> {
  const path = join(checkpointsPath(run), stepName(checkpoint.step))
  const before = (await candidates(run)).some(({ step }) => step === checkpoint.step)
  try {
    await writeAside(path, async (partial) => {
      await writeCheckpoint(partial, checkpoint)
      // One of the same step makes room as late as possible, and comes back if nothing takes its place.
      if (before) await rename(path, path + replacedEnding)
    })
  } finally {
    if (before) await settleReplaced(run)
  }
  await prune(run, checkpoint.step, Math.max(1, keep))
}

/** Puts back what was to be replaced, or removes it where it has been. Only for who holds the lock. */
export async function settleReplaced(run: string): Promise<void> {
  const folder = checkpointsPath(run)
  const names = await readdir(folder)
  for (const name of names) {
    if (stepOf(name, replacedEnding) === undefined) continue
    const original = name.slice(0, -replacedEnding.length)
    if (names.includes(original)) await removeWhole(join(folder, name))
    else await rename(join(folder, name), join(folder, original))
  }
}

async function prune(run: string, newest: number, keep: number): Promise<void> {
  const all = await candidates(run)
  const past = all.filter(({ step }) => step <= newest)
  const kept = new Set([...past.slice(0, keep), await bestOf(past)])
  for (const candidate of all) if (!kept.has(candidate)) await removeWhole(candidate.folder)
  await syncFolder(checkpointsPath(run))
}

/** The best checkpoint is the last that was the best of its time. */
async function bestOf(newestFirst: readonly Candidate[]): Promise<Candidate | undefined> {
  for (const candidate of newestFirst) {
    const head = await readHead(candidate.folder)
    if (typeof head !== 'string' && head.best) return candidate
  }
  return undefined
}

/**
 * Opens the newest checkpoint that is whole; every byte is checked. Newer ones that are damaged are reported and passed
 * over. Undefined before the first checkpoint; also where all are damaged, which is reported as an error.
 */
export async function latestCheckpoint(run: string, report: Report): Promise<SavedCheckpoint | undefined> {
  const damaged: (Candidate & { readonly problem: string })[] = []
  for (const candidate of await candidates(run)) {
    const head = await wholeHead(candidate)
    if (typeof head === 'string') {
      damaged.push({ ...candidate, problem: head })
      continue
    }
    const { step } = head
    for (const it of damaged)
      report(checkpointDamaged({ problem: it.problem, instead: step, lost: it.step - step }), wholeFile(it.folder))
    return openCheckpoint(candidate.folder, head, report)
  }
  for (const { folder, problem } of damaged)
    report(noWholeCheckpoint({ problem, count: damaged.length }), wholeFile(folder))
  return undefined
}

/** What a checkpoint says of itself, or in words what is wrong with it. */
async function wholeHead({ step, folder }: Candidate): Promise<CheckpointHead | string> {
  const head = await readHead(folder)
  if (typeof head === 'string') return head
  if (head.step !== step) return `it is of step ${head.step}`
  return (await damageOf(folder, head)) ?? head
}

async function openCheckpoint(
  folder: string,
  head: CheckpointHead,
  report: Report,
): Promise<SavedCheckpoint | undefined> {
  const tensors: Partial<Record<Part, WeightSource>> = {}
  const close = async () => {
    for (const part of parts) await tensors[part]?.close()
  }
  for (const part of head.files.keys()) {
    const source = await openWeights(partPath(folder, part), report)
    if (source === undefined) {
      await close()
      return undefined
    }
    tensors[part] = source
  }
  const { step, best, state } = head
  return { step, best, state, folder, tensors, close }
}
