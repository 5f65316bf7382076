/** Animated WebP (RFC 9649): still pictures by sharp, put one after the other. */
import { writeOutput } from '../../files/whole.js'
import type { FrameWriter } from './animation.js'
import { delays } from './delays.js'
import { encode } from './encode.js'

const animated = 0x02
/** The frame replaces what is below it. */
const opaque = 0x02
const riffHeader = 12

export const writeWebp: FrameWriter = (path, frames, fps) =>
  writeOutput(path, async (output) => {
    const delay = delays(fps, 1)
    for await (const frame of frames) {
      const size = [[frame.width - 1, 3] as const, [frame.height - 1, 3] as const]
      if (output.position === 0) {
        await output.append(Buffer.from('RIFF\0\0\0\0WEBP'))
        await output.append(chunk('VP8X', fields([animated, 4], ...size)))
        await output.append(chunk('ANIM', fields([0, 4], [0, 2]))) // no background, repeated for ever
      }
      const place = fields([0, 3], [0, 3], ...size, [delay.next().value, 3], [opaque, 1])
      await output.append(chunk('ANMF', Buffer.concat([place, pixelsOf(await encode(frame, 'webp'))])))
    }
    await output.writeAt(fields([output.position - 8, 4]), 4)
  })

/** The chunk of a still picture that holds its pixels. */
function pixelsOf(webp: Buffer): Buffer {
  let at = riffHeader
  while (at < webp.length) {
    const name = webp.toString('latin1', at, at + 4)
    const size = webp.readUInt32LE(at + 4)
    const end = at + 8 + size + (size % 2)
    if (name === 'VP8 ' || name === 'VP8L') return webp.subarray(at, end)
    at = end
  }
  throw new Error('a WebP file without pixels')
}

function chunk(name: string, content: Buffer): Buffer {
  const padding = Buffer.alloc(content.length % 2)
  return Buffer.concat([Buffer.from(name), fields([content.length, 4]), content, padding])
}

/** Little-endian fields, given as [value, bytes]. */
function fields(...values: readonly (readonly [value: number, bytes: number])[]): Buffer {
  const buffer = Buffer.alloc(values.reduce((sum, [, bytes]) => sum + bytes, 0))
  let at = 0
  for (const [value, bytes] of values) at = buffer.writeUIntLE(value, at, bytes)
  return buffer
}
