/** One checkpoint: a folder with the tensors of a training and its counters, and the proof that they are whole. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { systemProblem } from '../../files/problem.js'
import { syncFolder, writeOutput } from '../../files/whole.js'
import type { PlainValue } from '../weights/source.js'
import { asObject, isCount, parseObject } from '../json.js'
import { writeTensors, type FileDigest, type NamedTensor } from './tensors.js'

/** The files of tensors that a checkpoint may have: the weights, their running average, what the optimizer keeps. */
export const parts = ['model', 'average', 'optimizer'] as const
export type Part = (typeof parts)[number]

/** What a training consists of, after `step` steps. */
export interface Checkpoint {
  readonly step: number
  /** Whether it is the best so far. */
  readonly best: boolean
  /** Whatever else going on needs: counters, the scale of the loss. Numbers that are not finite come back as null. */
  readonly state: Readonly<Record<string, PlainValue>>
  readonly tensors: Readonly<Partial<Record<Part, readonly NamedTensor[]>>>
}

/** What state.json says. */
export interface CheckpointHead {
  readonly step: number
  readonly best: boolean
  readonly state: Readonly<Record<string, PlainValue>>
  readonly files: ReadonlyMap<Part, FileDigest>
}

const format = 'mdmc checkpoint 1'
const stateFile = 'state.json'

export function partPath(folder: string, part: Part): string {
  return join(folder, `${part}.safetensors`)
}

/** Makes `folder` with all files of the checkpoint; they are on the disk when this ends. */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  const { step, best, state, tensors } = checkpoint
  await mkdir(folder)
  const files: Partial<Record<Part, FileDigest>> = {}
  for (const part of parts) {
    const given = tensors[part]
    if (given !== undefined) files[part] = await writeTensors(partPath(folder, part), given, { step: String(step) })
  }
  const head = { format, step, best, state, files }
  const text = JSON.stringify({ ...head, sha256: hashOf(JSON.stringify(head)) }, undefined, 2)
  await writeOutput(join(folder, stateFile), `${text}\n`)
  await syncFolder(folder)
}

/** What a checkpoint says of itself, or in words what is wrong with it. Its tensors are not looked at. */
export async function readHead(folder: string): Promise<CheckpointHead | string> {
  const text = await readFile(join(folder, stateFile), 'utf8').catch((error: unknown) => ({
    problem: problemOf(error),
  }))
  if (typeof text !== 'string') return `${stateFile} cannot be read (${text.problem})`
  const { sha256, ...head } = parseObject(text) ?? {}
  if (head.format !== undefined && head.format !== format) return 'it was written by another version of mdmc'
  if (sha256 !== hashOf(JSON.stringify(head))) return `${stateFile} is not as it was written`
  const { step, best, state } = head
  const files = filesOf(head.files)
  // What has the right hash was written by writeCheckpoint.
  if (!isCount(step) || typeof best !== 'boolean' || !isState(state) || files === undefined)
    return `${stateFile} lacks what a checkpoint needs`
  return { step, best, state, files }
}

/** In words what is wrong with the files of tensors; undefined if every byte is as it was written. */
export async function damageOf(folder: string, { files }: CheckpointHead): Promise<string | undefined> {
  // Sizes are cheap, and tell the most frequent damage.
  for (const looked of [sizeDamage, contentDamage])
    for (const [part, digest] of files) {
      const problem = await looked(partPath(folder, part), digest).catch(
        (error: unknown) => `cannot be read (${problemOf(error)})`,
      )
      if (problem !== undefined) return `${part}.safetensors ${problem}`
    }
  return undefined
}

async function sizeDamage(path: string, { bytes }: FileDigest): Promise<string | undefined> {
  const { size } = await stat(path)
  return size === bytes ? undefined : `has ${size} bytes instead of ${bytes}`
}

async function contentDamage(path: string, { sha256 }: FileDigest): Promise<string | undefined> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 22 }), hash)
  return hash.digest('hex') === sha256 ? undefined : 'has other bytes than were written'
}

function problemOf(error: unknown): string {
  const problem = systemProblem(error)
  if (problem === undefined) throw error
  return problem
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function filesOf(value: unknown): ReadonlyMap<Part, FileDigest> | undefined {
  const object = asObject(value)
  if (object === undefined) return undefined
  const files = new Map<Part, FileDigest>()
  for (const part of parts) {
    const { bytes, sha256 } = asObject(object[part]) ?? {}
    if (isCount(bytes) && typeof sha256 === 'string') files.set(part, { bytes, sha256 })
  }
  return files
}

function isState(value: unknown): value is Readonly<Record<string, PlainValue>> {
  return asObject(value) !== undefined
}
