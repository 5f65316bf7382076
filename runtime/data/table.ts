/** The reference implementation's layout: a table of tables, each of which names images in tars. */
import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { dataNotReadable, namedFilesMissing, tableInvalid } from '../../compiler/diagnostics/data.js'
import { systemProblem } from '../../files/problem.js'
import { wholeFile } from '../weights/failure.js'
import { captionOf, type Example } from './example.js'
import { endingOf } from './formats.js'
import { TableFault, tableRows, type TableRow } from './rows.js'
import { openTar, sourceIn } from './shards.js'
import type { Member } from './tar.js'

type Tars = Map<string, ReadonlyMap<string, Member>>

/**
 * The examples that an index names, or a single one of its tables. Paths are looked for in the folder of the table that
 * has them, then in that of the index, which is where the reference implementation runs. What cannot be used is
 * reported, and gives undefined.
 */
export async function examplesInTable(path: string, frames: number, report: Report): Promise<Example[] | undefined> {
  const index = await readTable(path, report)
  if (index === undefined) return undefined
  const tars: Tars = new Map()
  if (!index.columns.includes('filename'))
    return examplesOf(path, index.rows, index.columns, path, frames, tars, report)
  const examples: Example[] = []
  for (const { filename = '' } of index.rows) {
    const file = placeOf(filename, [dirname(path)])
    const table = await readTable(file, report)
    const found = table && examplesOf(file, table.rows, table.columns, path, frames, tars, report)
    if (found === undefined) return undefined
    for (const example of found) examples.push(example)
  }
  return examples
}

/** Whether the first line of a text could be that of such a table. */
export function isTableHead(text: string): boolean {
  const columns = (text.replace(/^\ufeff/, '').split(/\r?\n/)[0] ?? '')
    .split('\t')
    .map((name) => name.replaceAll('"', ''))
  return columns.includes('filename') || (columns.includes('tar') && columns.includes('file'))
}

async function readTable(path: string, report: Report) {
  try {
    return await tableRows(path, '\t')
  } catch (error) {
    const problem = systemProblem(error)
    if (problem !== undefined) report(dataNotReadable({ problem }), wholeFile(path))
    else if (error instanceof TableFault) report(tableInvalid({ problem: error.problem }), wholeFile(path))
    else throw error
    return undefined
  }
}

function examplesOf(
  path: string,
  rows: readonly TableRow[],
  columns: readonly string[],
  index: string,
  frames: number,
  tars: Tars,
  report: Report,
): Example[] | undefined {
  const absent = ['tar', 'file', 'caption'].find((column) => !columns.includes(column))
  if (absent !== undefined) {
    report(tableInvalid({ problem: `it has no column \`${absent}\`` }), wholeFile(path))
    return undefined
  }
  const folders = [dirname(path), dirname(index)]
  const missing: string[] = []
  const examples = new Map<string, Example>()
  for (const { tar = '', file = '', caption } of rows) {
    const place = placeOf(tar, folders)
    const members = tars.get(place) ?? membersOf(place, report)
    if (members === undefined) return undefined
    tars.set(place, members)
    const member = members.get(file)
    const name = `${basename(place)}/${file}`
    const source = member && sourceIn({ file: place, part: member }, endingOf(file), frames)
    if (member === undefined || source === undefined) missing.push(name)
    else examples.set(name, { name, bytes: member.length, caption: captionOf(caption), label: undefined, source })
  }
  const [first] = missing
  if (first !== undefined) report(namedFilesMissing({ count: missing.length, first }), wholeFile(path))
  return [...examples.values()]
}

function membersOf(tar: string, report: Report): ReadonlyMap<string, Member> | undefined {
  const members = openTar(tar, report, () => false)
  return members && new Map(members.map((member) => [member.name, member]))
}

/** Where a path of a table is: in the first of the folders that has it, also without the folders that it names itself. */
function placeOf(path: string, folders: readonly string[]): string {
  const places = [
    ...folders.map((folder) => resolve(folder, path)),
    ...folders.map((folder) => resolve(folder, basename(path))),
  ]
  return places.find((place) => existsSync(place)) ?? resolve(folders[0] ?? '.', path)
}
