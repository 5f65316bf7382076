/** MP4 through the program ffmpeg, which gets the bare pixels. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { FrameWriter } from './animation.js'
import { ImageFailure } from './failure.js'
import type { Picture } from './picture.js'

/** Throws an ImageFailure if there is no ffmpeg that runs. */
export async function findFfmpeg(): Promise<void> {
  const { code, said } = await ended(spawn('ffmpeg', ['-version'], { stdio: ['ignore', 'ignore', 'pipe'] }))
  if (code === 0) return
  throw new ImageFailure(
    `MP4 is written by the program ffmpeg, which does not run here: ${said}`,
    'install ffmpeg (apt install ffmpeg, brew install ffmpeg, winget install ffmpeg) so that it is on the PATH, or ' +
      'write .webp or .gif instead',
  )
}

/** Sides that are odd get their last row or column twice, as H.264 wants even ones. MP4 leaves repeating to the player. */
export const writeMp4: FrameWriter = async (path, frames, fps) => {
  let encoder: Encoder | undefined
  try {
    for await (const frame of frames) {
      const even = withEvenSides(frame)
      encoder ??= startEncoder(path, even, fps)
      await encoder.write(even.data)
    }
    await encoder?.finish()
  } finally {
    await encoder?.stop()
  }
}

interface Encoder {
  /** Resolves when ffmpeg can take more. */
  write(data: Uint8Array): Promise<void>
  finish(): Promise<void>
  /** Ends ffmpeg if it still runs. */
  stop(): Promise<void>
}

/** What most players show: H.264 where ffmpeg has it, colour at half the resolution, all of it as in BT.709. */
const output = [
  ...['-vf', 'scale=out_color_matrix=bt709:out_range=tv', '-pix_fmt', 'yuv420p', '-crf', '18'],
  ...['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv'],
  ...['-movflags', '+faststart', '-f', 'mp4'],
]

function startEncoder(path: string, { width, height, channels }: Picture, fps: number): Encoder {
  const pixels = ['-pix_fmt', channels === 1 ? 'gray' : 'rgb24', '-video_size', `${width}x${height}`]
  const input = ['-f', 'rawvideo', ...pixels, '-framerate', String(fps), '-i', 'pipe:0']
  const settings = ['-hide_banner', '-loglevel', 'error', ...input, ...output, `file:${path}`]
  const ffmpeg = spawn('ffmpeg', settings, { stdio: ['pipe', 'ignore', 'pipe'] })
  const end = ended(ffmpeg)
  // That ffmpeg no longer listens matters less than what it says.
  ffmpeg.stdin.on('error', () => undefined)

  const finish = async () => {
    ffmpeg.stdin.end()
    const { code, said } = await end
    if (code !== 0) throw new ImageFailure(`ffmpeg cannot write the video: ${said}`, 'write .webp or .gif instead')
  }
  return {
    async write(data) {
      if (!ffmpeg.stdin.destroyed && !ffmpeg.stdin.write(data))
        await Promise.race([once(ffmpeg.stdin, 'drain').catch(() => undefined), end])
      if (ffmpeg.stdin.destroyed) await finish()
    },
    finish,
    async stop() {
      ffmpeg.kill('SIGKILL')
      await end
    },
  }
}

/** How a program ended (0 is well) and the last that it complained about. */
function ended(program: ChildProcess): Promise<{ code: number; said: string }> {
  let errors = ''
  program.stderr?.setEncoding('utf8').on('data', (text: string) => void (errors = (errors + text).slice(-2000)))
  return new Promise((resolve) => {
    program.once('error', ({ message }) => resolve({ code: -1, said: message }))
    program.once('close', (code) => {
      const last = errors.trimEnd().split('\n').at(-1) ?? ''
      resolve({ code: code ?? -1, said: last === '' ? `it ended with code ${code ?? 'unknown'}` : last })
    })
  })
}

function withEvenSides(picture: Picture): Picture {
  const { channels } = picture
  const width = picture.width + (picture.width % 2)
  const height = picture.height + (picture.height % 2)
  if (width === picture.width && height === picture.height) return picture
  const data = new Uint8Array(width * height * channels)
  const rowLength = picture.width * channels
  for (let y = 0; y < height; y++) {
    const from = Math.min(y, picture.height - 1) * rowLength
    const row = picture.data.subarray(from, from + rowLength)
    const last = row.subarray(rowLength - channels)
    data.set(last, ((y + 1) * width - 1) * channels)
    data.set(row, y * width * channels)
  }
  return { width, height, channels, data }
}
