/** Opens the data set that a setting names. */
import { closeSync, openSync, readSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { dataEmpty, dataKindUnknown, dataMissing, dataNotReadable } from '../../compiler/diagnostics/data.js'
import { systemProblem } from '../../files/problem.js'
import { wholeFile } from '../weights/failure.js'
import { expandBraces } from './braces.js'
import { Dataset } from './dataset.js'
import { emoji } from './emoji.js'
import type { Example } from './example.js'
import { findFfmpeg } from './ffmpeg.js'
import { imagesIn } from './folder.js'
import { formatsOf } from './formats.js'
import { examplesInTars } from './shards.js'
import { examplesInTable, isTableHead } from './table.js'
import { isTar } from './tar.js'
import { videosIn } from './videos.js'

/**
 * Opens `emoji`, a folder of images or videos, one or more WebDataset tars, or an index of tables (docs/data.md), whose
 * kind is told from the content. With `frames` above 1, videos are looked for; otherwise, images. Everything is listed
 * at once, nothing is decoded yet. What is wrong with the data is reported, and gives undefined; throws a DataFailure
 * where a program or a package is missing.
 */
export async function openDataset(setting: string, frames: number, report: Report): Promise<Dataset | undefined> {
  const examples = await systemReporting(setting, report, () => examplesOf(setting, frames, report))
  if (examples === undefined) return undefined
  if (examples.length === 0) {
    const what = frames === 1 ? 'images' : 'videos'
    report(dataEmpty({ what, formats: formatsOf(what) }), wholeFile(setting))
    return undefined
  }
  if (examples.some(({ source }) => source.kind === 'video')) await findFfmpeg()
  return new Dataset(setting === 'emoji' ? setting : basename(resolve(setting)), examples)
}

async function examplesOf(setting: string, frames: number, report: Report): Promise<Example[] | undefined> {
  if (setting === 'emoji') return frames === 1 ? emoji() : []
  const paths = await pathsOf(setting)
  if (typeof paths === 'string') {
    report(dataMissing({ setting, problem: paths }), undefined)
    return undefined
  }
  const [path = setting] = paths
  if (paths.length > 1) return examplesInTars(paths, frames, report)
  if ((await stat(path)).isDirectory()) {
    const tars = (await readdir(path)).filter((name) => /^[^.].*\.tar$/i.test(name)).sort()
    if (tars.length > 0)
      return examplesInTars(
        tars.map((name) => join(path, name)),
        frames,
        report,
      )
    return frames === 1 ? imagesIn(path, report) : videosIn(path, report)
  }
  if (/\.tar$/i.test(path) || isTar(path)) return examplesInTars([path], frames, report)
  if (isTableHead(startOf(path))) return examplesInTable(path, frames, report)
  report(dataKindUnknown(), wholeFile(path))
  return undefined
}

/** The paths that a setting stands for, all of which are there; or what is the matter with the first that is not. */
async function pathsOf(setting: string): Promise<readonly string[] | string> {
  const literal = await problemOf(setting)
  if (literal === undefined) return [setting]
  const paths = expandBraces(setting)
  for (const path of paths) {
    const problem = await problemOf(path)
    if (problem !== undefined) return paths.length > 1 ? `${path}: ${problem}` : problem
  }
  return paths.length > 0 ? paths : literal
}

async function problemOf(path: string): Promise<string | undefined> {
  try {
    await stat(path)
    return undefined
  } catch (error) {
    const problem = systemProblem(error)
    if (problem === undefined) throw error
    return problem
  }
}

function startOf(path: string): string {
  const descriptor = openSync(path, 'r')
  try {
    const start = new Uint8Array(4096)
    return new TextDecoder().decode(start.subarray(0, readSync(descriptor, start)))
  } finally {
    closeSync(descriptor)
  }
}

/** Runs `action`; that the system refuses something is reported and gives undefined. */
async function systemReporting<T>(
  setting: string,
  report: Report,
  action: () => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await action()
  } catch (error) {
    const problem = systemProblem(error)
    if (problem === undefined) throw error
    const path = error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : setting
    report(dataNotReadable({ problem }), wholeFile(path))
    return undefined
  }
}
