/** One picture in the bytes of a file format, by sharp. */
import type { Sharp } from 'sharp'
import { ImageFailure } from './failure.js'
import type { Picture } from './picture.js'

const encoders = {
  png: (image: Sharp) => image.png(),
  /** Chroma sharpened before it is halved: enlarged pixels keep their colours. */
  webp: (image: Sharp) => image.webp({ quality: 90, smartSubsample: true }),
  /** More effort takes ten times as long and saves next to nothing. */
  gif: (image: Sharp) => image.gif({ effort: 3 }),
}

export async function encode(picture: Picture, format: keyof typeof encoders): Promise<Buffer> {
  const { data, width, height, channels } = picture
  const image = (await loaded())(data, { raw: { width, height, channels } })
  return encoders[format](channels === 1 ? image.toColourspace('b-w') : image).toBuffer()
}

/** sharp comes with a library for each operating system, which may be missing. */
async function loaded(): Promise<typeof import('sharp').default> {
  try {
    return (await import('sharp')).default
  } catch (error) {
    const [why = ''] = String(error instanceof Error ? error.message : error).split('\n')
    throw new ImageFailure(
      `the package sharp, which writes pictures, cannot be loaded here: ${why}`,
      'reinstall it for this operating system and processor: npm install --include=optional sharp',
    )
  }
}
