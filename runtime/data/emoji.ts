/** The built-in data set: emoji of Google's Noto font at 64 x 64 pixels, named as Unicode names them. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { asObject } from '../json.js'
import type { Example } from './example.js'
import { DataFailure } from './failure.js'
import { together } from './together.js'
import { sizeOf } from './walk.js'

const folder = 'img/google/64'

/** All emoji without variants of skin, labelled by their category. Throws a DataFailure if the package is not there. */
export async function emoji(): Promise<Example[]> {
  const list = findList()
  const entries: unknown = JSON.parse(await readFile(list, 'utf8'))
  const found = Array.isArray(entries) ? entries.flatMap((entry) => entryOf(entry) ?? []) : []
  const captions = captionsOf(found)
  return together(found, async (entry): Promise<Example> => {
    const file = join(dirname(list), folder, entry.image)
    return {
      name: entry.image,
      bytes: await sizeOf(file),
      caption: captions.get(entry),
      label: entry.category,
      source: { kind: 'image', place: { file } },
    }
  })
}

function findList(): string {
  try {
    return createRequire(import.meta.url).resolve('emoji-datasource-google/emoji.json')
  } catch {
    throw new DataFailure(
      'the package emoji-datasource-google, which holds the built-in data set, is not installed',
      'install it beside mdmc: npm install emoji-datasource-google@16.0.0; or train on images of your own',
    )
  }
}

interface Entry {
  readonly name: string
  readonly shortName: string
  readonly image: string
  readonly category: string
}

function entryOf(value: unknown): Entry | undefined {
  const entry = asObject(value)
  const [name, shortName, image, category] = [entry?.name, entry?.short_name, entry?.image, entry?.category]
  if (entry?.has_img_google !== true || typeof name !== 'string' || typeof shortName !== 'string') return undefined
  return typeof image === 'string' && typeof category === 'string' ? { name, shortName, image, category } : undefined
}

/** Names as captions; where two are the same, their short names instead. */
function captionsOf(entries: readonly Entry[]): ReadonlyMap<Entry, string> {
  const counts = new Map<string, number>()
  const captions = new Map(entries.map((entry) => [entry, emojiCaption(entry.name)]))
  for (const caption of captions.values()) counts.set(caption, (counts.get(caption) ?? 0) + 1)
  for (const [entry, caption] of captions)
    if ((counts.get(caption) ?? 0) > 1) captions.set(entry, entry.shortName.replaceAll('_', ' '))
  return captions
}

/** Unicode calls a sign black that is filled, and white that is not; these emoji have other colours. */
const filling =
  /\b(?:black|white) (?=sun|telephone|smiling|scissors|\w+ suit|.*pointing|medium star|rightwards|arrow|universal|star|joker)/

/** A name of Unicode in words that say what is seen. */
export function emojiCaption(name: string): string {
  return name
    .toLowerCase()
    .replace('heavy black heart', 'red heart')
    .replace(/black (question mark) ornament/, 'red $1')
    .replace('emoji modifier fitzpatrick', 'skin tone')
    .replace(
      /cjk unified ideograph-([0-9a-f]+)/,
      (_, code: string) => `ideograph ${String.fromCodePoint(Number.parseInt(code, 16))}`,
    )
    .replace(filling, '')
    .replace(/ ornament$/, '')
    .replace(': ', ', ')
}
