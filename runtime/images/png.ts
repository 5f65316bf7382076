/** PNG files, with what made them. */
import { readFile, writeFile } from 'node:fs/promises'
import { encode } from './encode.js'
import { ImageFailure, writePicture } from './failure.js'
import type { Picture } from './picture.js'
import { textsOf, withTexts } from './png-text.js'

/** Writes a picture with texts by keyword (1 to 79 plain characters). The file appears whole or not at all. */
export async function writePng(
  path: string,
  picture: Picture,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const bytes = withTexts(await encode(picture, 'png'), metadata)
  await writePicture(path, (partial) => writeFile(partial, bytes, { flag: 'wx', flush: true }))
}

/** The texts that writePng put into a file; compressed ones of other programs are left out. */
export async function readPngMetadata(path: string): Promise<Record<string, string>> {
  const texts = textsOf(await readFile(path))
  if (texts === undefined)
    throw new ImageFailure(`${path} is no whole PNG file`, 'give a file that `mdmc sample` wrote')
  return texts
}
