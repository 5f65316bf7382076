/** WebDataset: tar files in which the files of an example share their name up to the first dot. */
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { dataNotReadable, tarDamaged } from '../../compiler/diagnostics/data.js'
import { systemProblem } from '../../files/problem.js'
import { wholeFile } from '../weights/failure.js'
import { firstWords, wordsIn } from './beside.js'
import { labelOf, noWords, type Example, type Place, type Source, type Words } from './example.js'
import { formatOf } from './formats.js'
import { parquetCaptions } from './parquet.js'
import { listTar, type Member, type TarContents } from './tar.js'

const texts: readonly string[] = ['txt', 'caption', 'json', 'cls']

/** The examples of several tars, one after the other; undefined where one cannot be read, which is reported. */
export async function examplesInTars(
  paths: readonly string[],
  frames: number,
  report: Report,
): Promise<Example[] | undefined> {
  const examples: Example[] = []
  for (const path of paths) {
    const members = openTar(path, report, (name) => texts.includes(split(name).ending))
    if (members === undefined) return undefined
    const found = examplesOf(members, path, frames)
    const captions = found.some(({ caption }) => caption === undefined) ? await captionsBeside(path, report) : undefined
    // One by one: a tar may hold more than a call takes arguments.
    for (const { key, ...example } of found)
      examples.push(example.caption === undefined ? { ...example, caption: captions?.get(basename(key)) } : example)
  }
  return examples
}

/** The files of a tar. That it is damaged is told; that it cannot be read is reported, and gives undefined. */
export function openTar(
  path: string,
  report: Report,
  isText: (name: string) => boolean,
): readonly Member[] | undefined {
  let contents: TarContents
  try {
    contents = listTar(path, isText)
  } catch (error) {
    const problem = systemProblem(error)
    if (problem === undefined) throw error
    report(dataNotReadable({ problem }), wholeFile(path))
    return undefined
  }
  const { members, problem } = contents
  if (problem !== undefined) report(tarDamaged({ problem, members: members.length }), wholeFile(path))
  return members
}

/** What a file in a tar is decoded from, by its ending; undefined if it is neither an image nor, of frames, a video. */
export function sourceIn(place: Place, ending: string, frames: number): Source | undefined {
  const format = formatOf(ending)
  if (frames === 1) return format.image ? { kind: 'image', place } : undefined
  if (format.video) return { kind: 'video', place }
  return format.animated ? { kind: 'animation', place } : undefined
}

/** A name in a tar: what the files of an example share, and the rest. */
function split(name: string): { key: string; ending: string } {
  const start = name.lastIndexOf('/') + 1
  const dot = name.indexOf('.', start)
  // Names that begin with a dot are what systems leave.
  return dot <= start
    ? { key: name, ending: '' }
    : { key: name.slice(0, dot), ending: name.slice(dot + 1).toLowerCase() }
}

function examplesOf(members: readonly Member[], path: string, frames: number): (Example & { key: string })[] {
  const tar = basename(path)
  const words = new Map<string, Words[]>()
  const images = new Map<string, Omit<Example, keyof Words>>()
  const clips = new Map<string, Frame[]>()
  for (const { name, position, length, text } of members) {
    const { key, ending } = split(name)
    if (text !== undefined) {
      const said = ending === 'cls' ? { ...noWords, label: labelOf(text) } : wordsIn(ending, text)
      const all = words.get(key)
      if (all === undefined) words.set(key, [said])
      else if (ending === 'json') all.push(said)
      else all.unshift(said)
    }
    const place = { file: path, part: { position, length } }
    const source = sourceIn(place, ending, frames)
    if (source !== undefined && !images.has(key)) images.set(key, { name: `${tar}/${name}`, bytes: length, source })
    const frame = frames === 1 ? undefined : frameNumber(ending)
    if (frame !== undefined) {
      const clip = clips.get(key)
      if (clip === undefined) clips.set(key, [{ frame, place, length }])
      else clip.push({ frame, place, length })
    }
  }
  for (const [key, clip] of clips) if (!images.has(key)) images.set(key, { name: `${tar}/${key}`, ...videoOf(clip) })
  return Array.from(images, ([key, image]) => ({ key, ...image, ...firstWords(words.get(key) ?? []) }))
}

/** An image of a video, as a file of its own. */
interface Frame {
  readonly frame: number
  readonly place: Place
  readonly length: number
}

/** The number in an ending such as `07.png`; undefined if it has none, or is not an image's. */
function frameNumber(ending: string): number | undefined {
  const [, number, format = ''] = /^(\d+)\.(\w+)$/.exec(ending) ?? []
  return number !== undefined && formatOf(format).image ? Number(number) : undefined
}

function videoOf(clip: readonly Frame[]): Pick<Example, 'bytes' | 'source'> {
  const places = clip.toSorted((a, b) => a.frame - b.frame).map(({ place }) => place)
  return { bytes: clip.reduce((sum, { length }) => sum + length, 0), source: { kind: 'frames', places } }
}

/** `00000.parquet` beside `00000.tar`, as img2dataset writes it, where there is one. */
async function captionsBeside(tar: string, report: Report): Promise<ReadonlyMap<string, string> | undefined> {
  const path = tar.replace(/\.tar$/i, '') + '.parquet'
  return existsSync(path) ? parquetCaptions(path, report) : undefined
}
