/** What the tests of data share: small images, tars, and batches of a loader. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { pack } from 'tar-stream'
import { afterAll } from 'vitest'
import type { Tensor } from '../../compiler/ir/tensor.js'
import type { Dataset } from '../../runtime/data/dataset.js'
import { Loader, type Batch, type LoaderOptions } from '../../runtime/data/loader.js'
import { Pool } from '../../runtime/data/pool.js'
import { present, temporaryFolder } from '../text/support.js'

export { present, told } from '../text/support.js'

/** Writes files below a folder and gives the folder, which only this call has if none is named. */
export function written(files: Readonly<Record<string, string | Uint8Array>>, folder = freshFolder()): string {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
  return folder
}

const all = temporaryFolder()
let folders = 0
/** An empty folder. */
export function freshFolder(): string {
  const folder = join(all, String(++folders), 'data')
  mkdirSync(folder, { recursive: true })
  return folder
}

export type Colour = readonly [number, number, number]

/** An image of one colour. */
export function plain([r, g, b]: Colour, format: 'png' | 'jpeg' | 'webp' | 'gif' = 'png', width = 8, height = width) {
  return sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
    .toFormat(format)
    .toBuffer()
}

/** An image whose left and right halves have different colours. */
export function halves(left: number, right: number, side: number): Promise<Buffer> {
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) =>
    Math.floor(i / 3) % side < side / 2 ? left : right,
  )
  return sharp(data, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer()
}

/** The images of greys 0, 10, 20, ..., by names 0.png and on. */
export async function greys(count: number, step = 10): Promise<Record<string, Uint8Array>> {
  const files = Array.from({ length: count }, async (_, i): Promise<[string, Uint8Array]> => {
    const grey = i * step
    return [`${i}.png`, await plain([grey, grey, grey])]
  })
  return Object.fromEntries(await Promise.all(files))
}

/** A tar of files, or of entries of other kinds. */
export async function tar(
  members: Readonly<Record<string, string | Uint8Array>>,
  others: readonly { name: string; type: 'directory' | 'symlink'; linkname?: string }[] = [],
): Promise<Buffer> {
  const packing = pack()
  for (const header of others) packing.entry(header)
  for (const [name, content] of Object.entries(members)) packing.entry({ name }, Buffer.from(content))
  packing.finalize()
  const pieces: Buffer[] = []
  for await (const piece of packing) if (piece instanceof Uint8Array) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

/** What is known of each example. */
export function contents(dataset: Dataset | undefined) {
  const set = present(dataset)
  return Array.from({ length: set.length }, (_, i) => {
    const [caption, label] = [set.caption(i), set.label(i)]
    return [set.nameOf(i), ...(caption === undefined ? [] : [caption]), ...(label === undefined ? [] : [`(${label})`])]
  })
}

export const standard: LoaderOptions = { channels: 3, frames: 1, side: 8, batch: 4, seed: 7, flip: false }

/** Threads that read for a test file, as long as it lasts. */
export function openPool(threads = 1): Pool {
  const pool = new Pool(threads)
  afterAll(() => pool.close())
  return pool
}

/** What gives some batches of a data set that can be read. */
export function reader(pool = openPool()) {
  return async (dataset: Dataset, options: Partial<LoaderOptions>, count: number): Promise<Batch[]> => {
    const loader = present(await Loader.open(dataset, { ...standard, ...options }, pool, () => undefined))
    const found: Batch[] = []
    for (let i = 0; i < count; i++) found.push(await loader.next())
    return found
  }
}

/** The bytes that values of -1 to 1 stand for. */
export function bytesOf({ data }: Tensor): number[] {
  return Array.from(data, (value) => Math.round((value + 1) * 127.5))
}
