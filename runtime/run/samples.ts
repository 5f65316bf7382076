/** The pictures that a run makes now and then: a grid per step, with what it was asked to show. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isSystemError } from '../../files/problem.js'
import { writeWhole } from '../../files/whole.js'
import { textsOf, withTexts } from '../images/png-text.js'
import { stepName, stepOf } from './checkpoints.js'
import { parseObject } from '../json.js'

/** A grid of pictures. */
export interface SampleGrid {
  readonly step: number
  /** A PNG file. */
  readonly png: Buffer
  /** What each picture shows, such as its prompt, row by row. */
  readonly captions: readonly string[]
}

const ending = '.png'
/** The keyword of the captions among the texts of the PNG file. */
const keyword = 'mdmc'

export function samplesPath(run: string): string {
  return join(run, 'samples')
}

export async function writeSamples(run: string, { step, png, captions }: SampleGrid): Promise<void> {
  const bytes = withTexts(png, { Software: 'mdmc', [keyword]: JSON.stringify({ step, captions }) })
  await mkdir(samplesPath(run), { recursive: true })
  await writeWhole(join(samplesPath(run), stepName(step) + ending), bytes)
}

/** Steps of which there are samples, in their order. */
export async function sampleSteps(run: string): Promise<number[]> {
  const names = await readdir(samplesPath(run)).catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT')) return []
    throw error
  })
  return names.flatMap((name) => stepOf(name, ending) ?? []).sort((a, b) => a - b)
}

/** The samples of a step; undefined if the file is damaged. */
export async function readSamples(run: string, step: number): Promise<SampleGrid | undefined> {
  const png = await readFile(join(samplesPath(run), stepName(step) + ending))
  const texts = textsOf(png)
  if (texts === undefined) return undefined
  const captions = parseObject(texts[keyword] ?? '')?.captions
  return {
    step,
    png,
    captions: Array.isArray(captions)
      ? captions.filter((caption): caption is string => typeof caption === 'string')
      : [],
  }
}

/** Removes the samples of steps after `step`; -1 removes all. */
export async function cutSamples(run: string, step: number): Promise<void> {
  for (const found of await sampleSteps(run))
    if (found > step) await rm(join(samplesPath(run), stepName(found) + ending), { force: true })
}
