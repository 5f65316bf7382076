/** Animated GIF (GIF89a): still pictures by sharp, each with its own 256 colours, put one after the other. */
import { writeOutput } from '../../files/whole.js'
import type { FrameWriter } from './animation.js'
import { delays } from './delays.js'
import { encode } from './encode.js'

const header = 13
const extension = 0x21
const graphicControl = 0xf9
const imageDescriptor = 0x2c
const trailer = 0x3b
/** In the flags of the file and of an image: a table of colours follows; its size is in the lowest three bits. */
const hasColours = 0x80
const sizeOfColours = 0x07
/** GIF counts in hundredths of a second; browsers take less than two of them for ten. */
const unit = 10
const shortest = 2 * unit

const repeatForEver = Buffer.from('\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0', 'latin1')

export const writeGif: FrameWriter = (path, frames, fps) =>
  writeOutput(path, async (output) => {
    const delay = delays(Math.min(fps, 1000 / shortest), unit)
    for await (const frame of frames) {
      const { screen, control, image } = partsOf(await encode(frame, 'gif'))
      if (output.position === 0) await output.append(Buffer.concat([screen, repeatForEver]))
      control.writeUInt16LE(delay.next().value / unit, 4)
      await output.append(Buffer.concat([control, image]))
    }
    await output.append(Buffer.from([trailer]))
  })

interface Still {
  /** The header without colours. */
  readonly screen: Buffer
  /** The extension that says how long an image is shown. */
  readonly control: Buffer
  /** The image with its own colours. */
  readonly image: Buffer
}

/** The parts of a GIF file with one image, whose colours are those of the file. */
function partsOf(gif: Buffer): Still {
  const flags = gif.readUInt8(10)
  const coloursEnd = header + (flags & hasColours ? 3 * 2 ** ((flags & sizeOfColours) + 1) : 0)
  const screen = Buffer.from(gif.subarray(0, header))
  screen.writeUInt8(flags & ~(hasColours | sizeOfColours), 10)

  let control = Buffer.from([extension, graphicControl, 4, 0, 0, 0, 0, 0])
  let at = coloursEnd
  while (gif[at] === extension) {
    const end = blocksEnd(gif, at + 2)
    if (gif[at + 1] === graphicControl) control = Buffer.from(gif.subarray(at, end))
    at = end
  }
  if (gif[at] !== imageDescriptor) throw new Error('a GIF file without an image')
  const descriptor = Buffer.from(gif.subarray(at, at + 10))
  const pixels = gif.subarray(at + 10, gif.length - 1)
  if ((descriptor.readUInt8(9) & hasColours) === 0) {
    descriptor.writeUInt8(descriptor.readUInt8(9) | hasColours | (flags & sizeOfColours), 9)
    return { screen, control, image: Buffer.concat([descriptor, gif.subarray(header, coloursEnd), pixels]) }
  }
  return { screen, control, image: Buffer.concat([descriptor, pixels]) }
}

/** Where a row of blocks ends, each of which begins with its length; an empty one is the last. */
function blocksEnd(gif: Buffer, from: number): number {
  let at = from
  while (gif.readUInt8(at) !== 0) at += gif.readUInt8(at) + 1
  return at + 1
}
