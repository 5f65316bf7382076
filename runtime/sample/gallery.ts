/** What sampling leaves on disk: a picture or video per image, a grid of all, and on request more. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { resolutionName } from '../../compiler/build/nest.js'
import type { Process } from '../../compiler/build/schedule.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { checkAnimation, writeAnimation } from '../images/animation.js'
import { ImageFailure } from '../images/failure.js'
import { grid, sideBySide, videoGrid, videoSideBySide } from '../images/layout.js'
import { picturesOf, videosOf, type Picture } from '../images/picture.js'
import { writePng } from '../images/png.js'
import type { Images } from './loop.js'

export interface GalleryOptions {
  readonly folder: string
  /** Whether each image is also written at all resolutions side by side. */
  readonly resolutions: boolean
  /** File of the trajectory: the first batch's clean images as they are seen after each step. */
  readonly trajectory: string | undefined
  /** Ending of videos: `.webp`, `.gif` or `.mp4`. */
  readonly video: string
  /** Texts for each image's file, by the image's number. */
  readonly texts: (image: number) => Readonly<Record<string, string>>
}

const trajectoryRate = 12
const videoRate = 8

/** Collects the images of all batches and writes them. */
export class Gallery {
  readonly files: string[] = []
  readonly #stills: Picture[] = []
  readonly #videos: Picture[][] = []
  readonly #steps: Picture[] = []

  private constructor(
    private readonly resolutions: Process['resolutions'],
    private readonly options: GalleryOptions,
  ) {}

  /** Makes the folder, and sees to it that what is asked for can be written here. Throws ImageFailure. */
  static async open(resolutions: Process['resolutions'], options: GalleryOptions): Promise<Gallery> {
    const [highest] = resolutions
    if (highest && highest.imageChannels !== 1 && highest.imageChannels !== 3)
      throw new ImageFailure(
        `images of ${highest.imageChannels} channels cannot be shown`,
        'only models of gray or rgb images make pictures',
      )
    if (highest && highest.frames > 1) await checkAnimation(`video${options.video}`)
    if (options.trajectory !== undefined) await checkAnimation(options.trajectory)
    await mkdir(options.folder, { recursive: true })
    return new Gallery(resolutions, options)
  }

  /** Keeps what the images would be if the process ended here; of a video, its first frame. */
  step(clean: Images): void {
    if (this.options.trajectory === undefined || this.#stills.length + this.#videos.length > 0) return
    this.#steps.push(
      grid(this.#perImage(clean).map((pictures) => sideBySide(pictures.map(([first]) => first ?? blank)))),
    )
  }

  /** Writes the images of a batch, whose first has this number. */
  async add(images: Images, first: number): Promise<void> {
    for (const [row, resolutions] of this.#perImage(images).entries()) {
      const number = first + row
      const stem = join(this.options.folder, String(number).padStart(4, '0'))
      const [highest = []] = resolutions
      const texts = this.options.texts(number)
      if (this.resolutions[0]?.frames === 1) {
        const [picture = blank] = highest
        this.#stills.push(picture)
        await this.#png(`${stem}.png`, picture, texts)
        if (this.options.resolutions)
          await this.#png(`${stem}-resolutions.png`, sideBySide(resolutions.map(([still = blank]) => still)), texts)
      } else {
        this.#videos.push(highest)
        await this.#animation(`${stem}${this.options.video}`, highest, videoRate)
        if (this.options.resolutions)
          await this.#animation(`${stem}-resolutions${this.options.video}`, videoSideBySide(resolutions), videoRate)
      }
    }
  }

  /** Writes what shows all images together. */
  async close(): Promise<void> {
    const { folder, trajectory, video } = this.options
    if (this.#stills.length > 1) await this.#png(join(folder, 'grid.png'), grid(this.#stills), {})
    if (this.#videos.length > 1) await this.#animation(join(folder, `grid${video}`), videoGrid(this.#videos), videoRate)
    if (trajectory !== undefined && this.#steps.length > 0)
      await this.#animation(trajectory, this.#steps, trajectoryRate)
  }

  /** For each image its resolutions, highest first, each as its frames. */
  #perImage(images: Images): Picture[][][] {
    const byResolution = this.resolutions.map((part) => framesOf(images.get(resolutionName(part)), part.frames))
    return (byResolution[0] ?? []).map((_, row) => byResolution.map((pictures) => pictures[row] ?? []))
  }

  async #png(path: string, picture: Picture, texts: Readonly<Record<string, string>>): Promise<void> {
    await writePng(path, picture, texts)
    this.files.push(path)
  }

  async #animation(path: string, frames: Iterable<Picture>, rate: number): Promise<void> {
    await writeAnimation(path, frames, rate)
    this.files.push(path)
  }
}

const blank: Picture = { width: 1, height: 1, channels: 3, data: new Uint8Array(3) }

function framesOf(tensor: Tensor | undefined, frames: number): Picture[][] {
  if (tensor === undefined) return []
  return frames === 1 ? picturesOf(tensor).map((picture) => [picture]) : videosOf(tensor)
}
