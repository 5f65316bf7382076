/** Several pictures as one: grids, and all resolutions of a picture next to each other; the same for videos. */
import { range, type Picture } from './picture.js'

/** Pixels between two pictures, white. */
const margin = 2
const white = 255

/** Equal pictures row by row; as wide as high where `columns` is absent. Pictures of different sizes are the caller's bug. */
export function grid(pictures: readonly Picture[], columns = Math.ceil(Math.sqrt(pictures.length))): Picture {
  const [first] = pictures
  if (first === undefined) throw new Error('a grid of no pictures')
  const { width, height, channels } = first
  const across = Math.min(columns, pictures.length)
  const down = Math.ceil(pictures.length / across)
  const gridWidth = across * (width + margin) - margin
  const gridHeight = down * (height + margin) - margin

  const data = new Uint8Array(gridWidth * gridHeight * channels).fill(white)
  pictures.forEach((picture, i) => {
    if (!sameForm(picture, first)) throw new Error('a grid of pictures of different sizes')
    const left = (i % across) * (width + margin)
    const top = Math.floor(i / across) * (height + margin)
    for (let y = 0; y < height; y++) {
      const row = picture.data.subarray(y * width * channels, (y + 1) * width * channels)
      data.set(row, ((top + y) * gridWidth + left) * channels)
    }
  })
  return { width: gridWidth, height: gridHeight, channels, data }
}

/** One picture in several resolutions, the smallest first, all as large as the largest by repeating their pixels. */
export function sideBySide(resolutions: readonly Picture[]): Picture {
  const largest = Math.max(...resolutions.map(({ height }) => height))
  const ordered = resolutions.toSorted((a, b) => a.height - b.height)
  return grid(
    ordered.map((picture) => enlarge(picture, Math.round((picture.width * largest) / picture.height), largest)),
    ordered.length,
  )
}

/** The frames of equal videos, laid out as a grid. */
export function* videoGrid(videos: readonly (readonly Picture[])[], columns?: number): Generator<Picture> {
  for (const frame of range(frameCount(videos))) yield grid(framesAt(videos, frame), columns)
}

/** The frames of one video in several resolutions, side by side; one with fewer frames shows each of them longer. */
export function* videoSideBySide(resolutions: readonly (readonly Picture[])[]): Generator<Picture> {
  for (const frame of range(frameCount(resolutions))) yield sideBySide(framesAt(resolutions, frame))
}

export function sameForm(a: Picture, b: Picture): boolean {
  return a.width === b.width && a.height === b.height && a.channels === b.channels
}

function frameCount(videos: readonly (readonly Picture[])[]): number {
  return Math.max(...videos.map((frames) => frames.length))
}

/** What each video shows while the longest one shows `frame`. */
function framesAt(videos: readonly (readonly Picture[])[], frame: number): Picture[] {
  const count = frameCount(videos)
  return videos.map((frames) => {
    const shown = frames[Math.floor((frame * frames.length) / count)]
    if (shown === undefined) throw new Error('a video without frames')
    return shown
  })
}

/** Nearest neighbour. */
function enlarge(picture: Picture, width: number, height: number): Picture {
  if (picture.width === width && picture.height === height) return picture
  const { channels } = picture
  const data = new Uint8Array(width * height * channels)
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * picture.height) / height) * picture.width
    for (let x = 0; x < width; x++) {
      const from = (row + Math.floor((x * picture.width) / width)) * channels
      const to = (y * width + x) * channels
      for (let channel = 0; channel < channels; channel++) data[to + channel] = picture.data[from + channel] ?? 0
    }
  }
  return { width, height, channels, data }
}
