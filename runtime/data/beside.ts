/** What files beside an image say of it: `NAME.txt`, `NAME.caption`, `NAME.json`. */
import { readFile } from 'node:fs/promises'
import { parseObject } from '../json.js'
import { captionOf, noWords, wordsOf, type Words } from './example.js'
import { endingOf, stemOf } from './formats.js'
import { metadataOf } from './metadata.js'
import { together } from './together.js'
import type { FoundFile } from './walk.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'

/** Text beside an image, by ending; the first that says something counts. */
const endings = ['txt', 'caption', 'json'] as const

/** What the text of a file of that ending says. */
export function wordsIn(ending: string, text: string): Words {
  if (ending !== 'json') return { ...noWords, caption: captionOf(text) }
  const object = parseObject(text)
  return object === undefined ? noWords : wordsOf(object)
}

/** The first of several that says something, for caption and label each. */
export function firstWords(several: readonly Words[]): Words {
  return {
    caption: several.find(({ caption }) => caption !== undefined)?.caption,
    label: several.find(({ label }) => label !== undefined)?.label,
  }
}

/** A thing that words may be said of. */
export interface Named {
  readonly name: string
  /** Its name but for the ending; that of a folder is the folder's. */
  readonly stem: string
}

/**
 * What the files of a folder say of each of `things`: metadata first, then the files beside it. Metadata that cannot be
 * used is reported, and gives undefined.
 */
export async function wordsBeside(
  things: readonly Named[],
  files: readonly FoundFile[],
  report: Report,
): Promise<ReadonlyMap<string, Words> | undefined> {
  const metadata = await metadataOf(files, new Set(things.map(({ name }) => name)), report)
  if (metadata === undefined) return undefined
  const paths = new Map(files.map(({ name, path }) => [name, path]))
  const listed = await together(things, async ({ name, stem }): Promise<[string, Words]> => {
    const several = [metadata.get(name) ?? noWords]
    for (const ending of endings) {
      const path = paths.get(`${stem}.${ending}`)
      if (path !== undefined) several.push(wordsIn(ending, await readFile(path, 'utf8')))
    }
    return [name, firstWords(several)]
  })
  return new Map(listed)
}

/** Names of `files` of an image's or video's kind, with their stems. */
export function namedFile({ name }: FoundFile): Named {
  return { name, stem: endingOf(name) === '' ? name : stemOf(name) }
}
