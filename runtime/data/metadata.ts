/** `metadata.jsonl` and `metadata.csv`: what they say of the files in their folder, as the Hugging Face Hub lays it out. */
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path/posix'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { metadataInvalid, namedFilesMissing } from '../../compiler/diagnostics/data.js'
import { parseObject } from '../json.js'
import { wholeFile } from '../weights/failure.js'
import { wordsOf, type Words } from './example.js'
import { TableFault, tableRows } from './rows.js'
import type { FoundFile } from './walk.js'

/** A line, counted from 1, and what it holds; undefined if that is no object. */
type Line = readonly [number, Readonly<Record<string, unknown>> | undefined]

/**
 * What metadata says of each of `names`. Lines about something else are told, as a warning; a line that cannot be used
 * is reported, and gives undefined.
 */
export async function metadataOf(
  files: readonly FoundFile[],
  names: ReadonlySet<string>,
  report: Report,
): Promise<ReadonlyMap<string, Words> | undefined> {
  const words = new Map<string, Words>()
  for (const { path, name } of files) {
    const kind = basename(name)
    if (kind !== 'metadata.jsonl' && kind !== 'metadata.csv') continue
    const refuse = (line: number, problem: string) => {
      report(metadataInvalid({ line, problem }), wholeFile(path))
      return undefined
    }
    const lines = kind === 'metadata.csv' ? await csvLines(path) : jsonLines(await readFile(path, 'utf8'))
    if (lines instanceof TableFault) return refuse(lines.line, lines.problem)
    const missing: string[] = []
    for (const [line, object] of lines) {
      const file = object?.file_name
      if (object === undefined) return refuse(line, 'it is no JSON object')
      if (typeof file !== 'string') return refuse(line, 'it has no `file_name`')
      const full = join(dirname(name), file.replaceAll('\\', '/'))
      if (names.has(full)) words.set(full, wordsOf(object))
      else missing.push(file)
    }
    const [first] = missing
    if (first !== undefined) report(namedFilesMissing({ count: missing.length, first }), wholeFile(path))
  }
  return words
}

function jsonLines(text: string): Line[] {
  return text
    .replace(/^\ufeff/, '')
    .split('\n')
    .flatMap((line, i) => (line.trim() === '' ? [] : [[i + 1, parseObject(line)] as const]))
}

async function csvLines(path: string): Promise<Line[] | TableFault> {
  try {
    return (await tableRows(path, ',')).rows.map((row, i) => [i + 2, row])
  } catch (error) {
    if (error instanceof TableFault) return error
    throw error
  }
}
