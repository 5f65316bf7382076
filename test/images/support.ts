/** What the tests of pictures share: pictures that are easy to tell apart, and reading files back. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll } from 'vitest'
import type { Picture } from '../../runtime/images/picture.js'

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mdmc-images-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A picture whose every pixel is `color`, one value or three. */
export function plain(width: number, height: number, ...color: readonly number[]): Picture {
  const channels = color.length === 1 ? 1 : 3
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => color[i % channels] ?? 0)
  return { width, height, channels, data }
}

/** Red grows to the right, green downwards, `blue` is the same everywhere. */
export function gradient(width: number, height: number, blue: number): Picture {
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)]
    data.set([Math.round((255 * x) / width), Math.round((255 * y) / height), blue], i * 3)
  }
  return { width, height, channels: 3, data }
}

export function pixel({ data, width, channels }: Picture, x: number, y: number): number[] {
  return [...data.subarray((y * width + x) * channels, (y * width + x + 1) * channels)]
}

export interface Animation {
  readonly width: number
  readonly pages: number
  readonly height: number
  readonly delay: readonly number[]
  readonly loop: number | undefined
  readonly frames: readonly Picture[]
}

/** An animation as other programs see it. */
export async function readAnimation(path: string): Promise<Animation> {
  const image = sharp(path, { animated: true })
  const { pages = 1, pageHeight, delay = [], loop, ...size } = await image.metadata()
  const { data, info } = await image.removeAlpha().raw().toBuffer({ resolveWithObject: true })
  const { width } = info
  const height = pageHeight ?? size.height
  const length = width * height * 3
  const frames = Array.from({ length: pages }, (_, i): Picture => {
    return { width, height, channels: 3, data: data.subarray(i * length, (i + 1) * length) }
  })
  return { width, height, pages, delay, loop, frames }
}

/** The mean difference of two pictures. */
export function meanDifference(a: Picture, b: Picture): number {
  if (a.data.length !== b.data.length) return Infinity
  return a.data.reduce((sum, value, i) => sum + Math.abs(value - (b.data[i] ?? 0)), 0) / a.data.length
}
