/** Folders of videos: files, and folders of numbered images. */
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { namedFile, wordsBeside, type Named } from './beside.js'
import { noWords, type Example, type Source } from './example.js'
import { folderLabels } from './folder.js'
import { endingOf, formatOf } from './formats.js'
import { pagesOf } from './pixels.js'
import { together } from './together.js'
import { filesUnder, sizeOf, type FoundFile } from './walk.js'

/** A video that was found. */
interface Found extends Named {
  readonly source: Source
}

/** The videos in a folder and all folders in it; undefined where what is said of them cannot be used, which is reported. */
export async function videosIn(folder: string, report: Report): Promise<Example[] | undefined> {
  const files = await filesUnder(folder)
  const videos = [...videoFiles(files), ...(await pictured(files))].sort((a, b) => (a.name < b.name ? -1 : 1))
  const words = await wordsBeside(videos, files, report)
  if (words === undefined) return undefined
  const labels = folderLabels(videos.map(({ name }) => name))
  return together(videos, async ({ name, source }): Promise<Example> => {
    const { caption, label } = words.get(name) ?? noWords
    const places = source.kind === 'frames' ? source.places : [source.place]
    const sizes = await together(places, ({ file }) => sizeOf(file))
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    return { name, bytes, caption, label: label ?? labels.get(name), source }
  })
}

function videoFiles(files: readonly FoundFile[]): Found[] {
  return files
    .filter(({ name }) => formatOf(endingOf(name)).video)
    .map((file) => ({ ...namedFile(file), source: { kind: 'video', place: { file: file.path } } }))
}

/** Videos made of images: a GIF or WebP with several, or else a folder of images, in the order of their numbers. */
async function pictured(files: readonly FoundFile[]): Promise<Found[]> {
  const folders = new Map<string, FoundFile[]>()
  for (const file of files) {
    const folder = file.name.slice(0, Math.max(0, file.name.lastIndexOf('/')))
    if (!formatOf(endingOf(file.name)).image) continue
    const images = folders.get(folder)
    if (images === undefined) folders.set(folder, [file])
    else images.push(file)
  }
  const found: Found[] = []
  for (const [folder, images] of folders) {
    // What the first of a folder is, all are.
    const first = images.find(({ name }) => formatOf(endingOf(name)).animated)
    const animated = first !== undefined && (await pagesOf(first.path)) > 1
    const moving = animated ? images.filter(({ name }) => formatOf(endingOf(name)).animated) : []
    for (const file of moving)
      found.push({ ...namedFile(file), source: { kind: 'animation', place: { file: file.path } } })
    const still = images.filter((file) => !moving.includes(file))
    if (still.length > 1) {
      const name = folder === '' ? '.' : folder
      found.push({
        name,
        stem: name,
        source: { kind: 'frames', places: inOrder(still).map(({ path }) => ({ file: path })) },
      })
    }
  }
  return found
}

/** Frame 2 before frame 10. */
function inOrder(images: readonly FoundFile[]): FoundFile[] {
  const { compare } = new Intl.Collator('en', { numeric: true })
  return images.toSorted((a, b) => compare(a.name, b.name) || (a.name < b.name ? -1 : 1))
}
