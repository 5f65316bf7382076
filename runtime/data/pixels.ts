/** From the bytes of an image to a square of pixels. */
import { Damage } from './failure.js'
import { loadSharp } from './sharp.js'

/** What images are made into. */
export interface Format {
  /** 1 is grey; 3 are red, green and blue. */
  readonly channels: 1 | 3
  /** Images of a video. */
  readonly frames: number
  /** In pixels. */
  readonly side: number
  /** What is behind transparent images: red, green and blue from 0 to 255. */
  readonly background: readonly [number, number, number]
}

/** An encoded image or, with its size, bare pixels of three channels. */
export type Encoded = Uint8Array | { readonly data: Uint8Array; readonly width: number; readonly height: number }

/**
 * Decodes an image, or image `page` of several: turned upright, converted to sRGB, put on the background, cut to the
 * square in its middle, and resized (Lanczos). The result is [channels, side, side], row-major. Throws a Damage.
 */
export async function square(encoded: Encoded, format: Format, page = 0): Promise<Uint8Array> {
  const sharp = await loadSharp()
  const { channels, side, background } = format
  const [r, g, b] = background
  try {
    const image =
      encoded instanceof Uint8Array
        ? sharp(encoded, { failOn: 'error', page })
        : sharp(encoded.data, { raw: { width: encoded.width, height: encoded.height, channels: 3 } })
    const { data, info } = await image
      .autoOrient()
      .flatten({ background: { r, g, b } })
      .resize(side, side, { fit: 'cover', position: 'centre', kernel: 'lanczos3' })
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    return planes(data, info.channels, channels)
  } catch (error) {
    throw damage(error)
  }
}

/** How many images a file holds; 0 if it is damaged. */
export async function pagesOf(image: string | Uint8Array): Promise<number> {
  const sharp = await loadSharp()
  return sharp(image)
    .metadata()
    .then(
      ({ pages }) => pages ?? 1,
      () => 0,
    )
}

/** What sharp says most often, in other words. */
const problems: Readonly<Record<string, string>> = {
  'Input Buffer is empty': 'the file is empty',
  'Input buffer contains unsupported image format': 'it is no image of a known format',
}

/** sharp throws plain errors, whose first line says what is wrong with the image. */
function damage(error: unknown): Damage {
  const [line = ''] = String(error instanceof Error ? error.message : error).split('\n')
  // The part of the library that says it means nothing to a user.
  return new Damage(problems[line] ?? line.replace(/^\w+: /, ''))
}

/** Channels of pixels apart from each other. Of too few, the first stands for all. */
function planes(data: Uint8Array, stored: number, wanted: number): Uint8Array {
  const pixels = data.length / stored
  const result = new Uint8Array(pixels * wanted)
  for (let channel = 0; channel < wanted; channel++) {
    const from = stored >= wanted ? channel : 0
    for (let i = 0; i < pixels; i++) result[channel * pixels + i] = data[i * stored + from] ?? 0
  }
  return result
}
