/** Pictures between bytes and tensors; the page and its worker both use this. */

/** What one resolution shows: an image, or the frames of a video. */
export interface Picture {
  /** The resolution's name, such as `64` or `t16_64`. */
  readonly name: string
  readonly side: number
  /** RGBA, row by row, of each frame. */
  readonly frames: readonly Uint8ClampedArray<ArrayBuffer>[]
}

/**
 * Values of [channels, (frames,) side, side] in [-1, 1], an image's part of `data` from `at` on, as a picture.
 * One channel is shown as grey.
 */
export function toPicture(
  { name, side, frames, channels }: { name: string; side: number; frames: number; channels: number },
  data: ArrayLike<number>,
): Picture {
  const area = side * side
  const shade = (channel: number, frame: number, i: number) =>
    127.5 * (data[((channels === 1 ? 0 : channel) * frames + frame) * area + i] ?? 0) + 127.5
  const pictures = Array.from({ length: frames }, (_, frame) => {
    const pixels = new Uint8ClampedArray(4 * area)
    for (let i = 0; i < area; i++) {
      for (let channel = 0; channel < 3; channel++) pixels[4 * i + channel] = shade(channel, frame, i)
      pixels[4 * i + 3] = 255
    }
    return pixels
  })
  return { name, side, frames: pictures }
}

/** The picture as values of [channels, side, side] in [-1, 1]; one channel takes their luminance (BT.709). */
export function toValues({ side, frames: [pixels] }: Picture, channels: number): Float32Array {
  const area = side * side
  const values = new Float32Array(channels * area)
  const byte = (i: number, channel: number) => pixels?.[4 * i + channel] ?? 0
  for (let i = 0; i < area; i++) {
    if (channels === 1) values[i] = (0.2126 * byte(i, 0) + 0.7152 * byte(i, 1) + 0.0722 * byte(i, 2)) / 127.5 - 1
    else for (let channel = 0; channel < 3; channel++) values[channel * area + i] = byte(i, channel) / 127.5 - 1
  }
  return values
}
