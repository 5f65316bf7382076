/** The captions of a data set as a model's text: encoded once, kept on the disk, read as batches need them. */
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { captionsIncomplete, captionsMissing } from '../../compiler/diagnostics/data.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { makeFolder } from '../../files/folder.js'
import { padded, type EncodedText, type Row, type TextEncoder } from '../text/encoder.js'
import type { Dataset } from './dataset.js'
import { ShelfFiles, type Shelf } from './shelf.js'

/** How captions are encoded. */
export interface CaptionOptions {
  readonly encoder: TextEncoder
  /** What the user calls the encoder: `hash`, or its path. */
  readonly name: string
  /** Where what was encoded is kept; the same folder serves other data sets and encoders as well. */
  readonly folder: string
  /** Whether captions are to be dropped: needs the empty prompt, which an encoder may lack. */
  readonly drops: boolean
  /** Told how many different captions have been encoded, of how many. */
  readonly progress?: (done: number, all: number) => void
}

/** The text of examples. */
export interface CaptionRows {
  /**
   * Text [examples, tokens, width] and its mask [examples, tokens], padded to the longest of them. Examples that have
   * no caption or are `dropped` have the empty prompt's. Throws a WeightFailure if the disk fails.
   */
  rows(examples: readonly number[], dropped?: readonly boolean[]): Promise<EncodedText>
  close(): Promise<void>
}

/** Different captions in one file: few enough to be held in memory while they are encoded. */
const captionsPerShelf = 512
/** Captions encoded at a time, all padded to the longest. */
const captionsAtOnce = 32

/**
 * Encodes every different caption, unless a file in `folder` has it from before. A run that was interrupted goes on
 * where it was. What is wrong with captions or the disk is reported, and gives undefined.
 */
export async function encodeCaptions(
  dataset: Dataset,
  options: CaptionOptions,
  report: Report,
): Promise<CaptionRows | undefined> {
  if (dataset.captioned === 0) {
    report(captionsMissing(), undefined)
    return undefined
  }
  const captions = Array.from({ length: dataset.length }, (_, example) => dataset.caption(example))
  const missing = captions.length - dataset.captioned
  if (missing > 0)
    report(captionsIncomplete({ missing, first: dataset.nameOf(captions.indexOf(undefined)) }), undefined)
  const needsEmpty = options.drops || missing > 0
  const prompts = [...new Set([...(needsEmpty ? [''] : []), ...captions.flatMap((caption) => caption ?? [])])]
  const places = new Map(prompts.map((prompt, place) => [prompt, place]))
  const files = await encodeAll(prompts, options, report)
  if (files === undefined) return undefined
  const placeOf = (caption: string | undefined) => places.get(caption ?? '') ?? 0
  const placesOf = Uint32Array.from(captions, placeOf)
  return {
    rows: async (examples, dropped) => {
      const wanted = examples.map((example, row) => (dropped?.[row] === true ? placeOf('') : (placesOf[example] ?? 0)))
      const found = await Promise.all(
        wanted.map((place) => files.row(Math.floor(place / captionsPerShelf), place % captionsPerShelf)),
      )
      return padded(found, options.encoder.width)
    },
    close: () => files.close(),
  }
}

async function encodeAll(
  prompts: readonly string[],
  options: CaptionOptions,
  report: Report,
): Promise<ShelfFiles | undefined> {
  const { encoder, folder, progress } = options
  await makeFolder(folder)
  const identity = await encoderIdentity(options.name)
  const files = new ShelfFiles(encoder.width)
  for (let first = 0; first < prompts.length; first += captionsPerShelf) {
    const own = prompts.slice(first, first + captionsPerShelf)
    const hash = createHash('sha256').update(JSON.stringify(['captions 2', identity, encoder.width, own]))
    const path = join(folder, `${hash.digest('hex').slice(0, 32)}.safetensors`)
    if (!(await files.open(path, own.length))) {
      const shelf = await encodeShelf(own, encoder)
      if (shelf === undefined || !(await files.write(path, shelf, report))) {
        await files.close()
        return undefined
      }
    }
    progress?.(first + own.length, prompts.length)
  }
  return files
}

/** Tells encoders apart: by name and, of files, by what the system says of them. */
export async function encoderIdentity(name: string): Promise<readonly unknown[]> {
  if (name === 'hash') return [name]
  const found = await stat(name).catch(() => undefined)
  return [name, found?.size, found?.mtimeMs]
}

async function encodeShelf(prompts: readonly string[], encoder: TextEncoder): Promise<Shelf | undefined> {
  const { width } = encoder
  const rows: Row[] = []
  for (let first = 0; first < prompts.length; first += captionsAtOnce) {
    const encoded = await encoder.encode(prompts.slice(first, first + captionsAtOnce))
    if (encoded === undefined) return undefined
    const [count = 0, tokens = 0] = encoded.mask.shape
    for (let row = 0; row < count; row++) {
      const mask = Float32Array.from(encoded.mask.data.subarray(row * tokens, (row + 1) * tokens))
      const length = mask.lastIndexOf(1) + 1
      const start = row * tokens * width
      // Copies, so that the padded text is not kept.
      const features = Float32Array.from(encoded.text.data.subarray(start, start + length * width))
      rows.push({ features, mask: mask.slice(0, length) })
    }
  }
  const lengths = rows.map(({ mask }) => mask.length)
  const all = lengths.reduce((sum, length) => sum + length, 0)
  const shelf = { lengths, features: new Float32Array(all * width), mask: new Float32Array(all) }
  let start = 0
  for (const { features, mask } of rows) {
    shelf.features.set(features, start * width)
    shelf.mask.set(mask, start)
    start += mask.length
  }
  return shelf
}
