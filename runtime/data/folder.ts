/** Folders of images. */
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { namedFile, wordsBeside } from './beside.js'
import { noWords, type Example } from './example.js'
import { endingOf, formatOf, stemOf } from './formats.js'
import { parquetCaptions } from './parquet.js'
import { together } from './together.js'
import { filesUnder, sizeOf, type FoundFile } from './walk.js'

/** The images in a folder and all folders in it; undefined where what is said of them cannot be used, which is reported. */
export async function imagesIn(folder: string, report: Report): Promise<Example[] | undefined> {
  const files = await filesUnder(folder)
  const images = files.filter(({ name }) => formatOf(endingOf(name)).image)
  const words = await wordsBeside(images.map(namedFile), files, report)
  if (words === undefined) return undefined
  const labels = folderLabels(images.map(({ name }) => name))
  const captions = await downloadedCaptions(images, files, (name) => words.get(name)?.caption !== undefined, report)
  return together(images, async ({ path, name }): Promise<Example> => {
    const { caption, label } = words.get(name) ?? noWords
    return {
      name,
      bytes: await sizeOf(path),
      caption: caption ?? captions.get(name),
      label: label ?? labels.get(name),
      source: { kind: 'image', place: { file: path } },
    }
  })
}

/** Folders that img2dataset numbers, 10,000 images each. */
const numbered = /^\d{5,}$/

/** The first folder of each name, if all have one; but numbers of five digits and more are none of a class. */
export function folderLabels(names: readonly string[]): ReadonlyMap<string, string> {
  const labels = names.map((name): [string, string] => [name, name.slice(0, Math.max(0, name.indexOf('/')))])
  const all = labels.every(([, label]) => label !== '') && !labels.every(([, label]) => numbered.test(label))
  return new Map(all ? labels : [])
}

/** What the tables of img2dataset say: `00000.parquet` beside the folder `00000`. Read only where it is needed. */
async function downloadedCaptions(
  images: readonly FoundFile[],
  files: readonly FoundFile[],
  hasCaption: (name: string) => boolean,
  report: Report,
): Promise<ReadonlyMap<string, string>> {
  const captions = new Map<string, string>()
  for (const { name: table, path } of files) {
    const folder = stemOf(table)
    if (endingOf(table) !== 'parquet' || !numbered.test(folder)) continue
    const without = images.filter(({ name }) => name.startsWith(`${folder}/`) && !hasCaption(name))
    const found = without.length > 0 ? await parquetCaptions(path, report) : undefined
    for (const { name } of without) {
      const caption = found?.get(stemOf(name.slice(folder.length + 1)))
      if (caption !== undefined) captions.set(name, caption)
    }
  }
  return captions
}
