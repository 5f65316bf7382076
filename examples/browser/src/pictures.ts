/** Pictures from files and on canvases. */
import { make } from './page.js'
import type { Picture } from './pixels.js'

const framesPerSecond = 8
/** Width of the largest resolution and the least of the others, in pixels of the page. */
const [largest, least] = [320, 48]

/** A canvas per resolution, highest first; videos are played. */
export class PictureRow {
  #shown: readonly Picture[] = []
  readonly #canvases = new Map<string, HTMLCanvasElement>()

  constructor(place: Element, resolutions: readonly { readonly name: string; readonly side: number }[]) {
    const most = Math.max(...resolutions.map(({ side }) => side))
    for (const { name, side } of resolutions) {
      const canvas = make('canvas', { width: side, height: side })
      canvas.dataset.resolution = name
      const width = Math.max(least, (largest * side) / most)
      const figure = make('figure', {}, canvas, make('figcaption', {}, `${side} × ${side}`))
      figure.style.flex = `${width} 1 ${least}px`
      figure.style.maxWidth = `${width}px`
      place.append(figure)
      this.#canvases.set(name, canvas)
    }
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return
    setInterval(() => this.#draw(true), 1000 / framesPerSecond)
  }

  show(pictures: readonly Picture[]): void {
    this.#shown = pictures
    this.#draw(false)
  }

  #draw(onlyVideos: boolean): void {
    for (const picture of this.#shown) {
      const canvas = this.#canvases.get(picture.name)
      if (canvas && !(onlyVideos && picture.frames.length === 1)) draw(picture, canvas)
    }
  }
}

/** Draws a picture, or the frame of a video that its time has come for. */
export function draw({ side, frames }: Picture, canvas: HTMLCanvasElement): void {
  const frame = frames[Math.floor((performance.now() / 1000) * framesPerSecond) % frames.length]
  if (frame) canvas.getContext('2d')?.putImageData(new ImageData(frame, side), 0, 0)
}

/** The file's image as the model takes it: on white, cut to the square in its middle, and resized to the side. */
export async function readPicture(file: File, side: number): Promise<Picture> {
  const url = URL.createObjectURL(file)
  try {
    const image = make('img', { src: url })
    await image.decode()
    const canvas = make('canvas', { width: side, height: side })
    const context = canvas.getContext('2d', { willReadFrequently: true })
    if (!context) throw new Error('this browser has no canvas')
    context.fillStyle = 'white'
    context.fillRect(0, 0, side, side)
    context.imageSmoothingQuality = 'high'
    const scale = side / Math.min(image.naturalWidth, image.naturalHeight)
    const [width, height] = [scale * image.naturalWidth, scale * image.naturalHeight]
    context.drawImage(image, (side - width) / 2, (side - height) / 2, width, height)
    return { name: file.name, side, frames: [context.getImageData(0, 0, side, side).data] }
  } catch (cause) {
    throw new Error(`${file.name} is not an image that this browser can read`, { cause })
  } finally {
    URL.revokeObjectURL(url)
  }
}
