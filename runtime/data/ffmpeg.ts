/** Frames of videos through the programs ffmpeg and ffprobe. */
import { spawn } from 'node:child_process'
import type { Place } from './example.js'
import { Damage, DataFailure } from './failure.js'

/** A frame: red, green and blue of each pixel, row by row. */
export interface Frame {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

/** Throws a DataFailure unless both programs run. */
export async function findFfmpeg(): Promise<void> {
  for (const program of ['ffprobe', 'ffmpeg']) await run(program, ['-version'])
}

/** How many frames a video has. Throws a Damage. */
export async function countFrames(place: Place): Promise<number> {
  const counting = ['-v', 'error', '-select_streams', 'v:0', '-count_packets']
  const shown = ['-show_entries', 'stream=nb_read_packets', '-of', 'default=nw=1:nk=1']
  const { code, said, output } = await run('ffprobe', [...counting, ...shown, urlOf(place)])
  const count = Number.parseInt(new TextDecoder().decode(output), 10)
  if (code !== 0 || !(count > 0)) throw new Damage(code === 0 ? 'it has no frames' : said)
  return count
}

/** `count` frames from `first` on, every `stride`-th. Throws a Damage. */
export async function readFrames(place: Place, first: number, stride: number, count: number): Promise<Frame[]> {
  // Renumbered, so that ffmpeg neither repeats frames nor leaves any out to keep the time.
  const select = `select='gte(n,${first})*not(mod(n-${first},${stride}))',settb=1/25,setpts=N`
  const input = ['-v', 'error', '-nostdin', '-i', urlOf(place), '-map', '0:v:0', '-vf', select, '-r', '25']
  const { code, said, output } = await run('ffmpeg', [
    ...input,
    ...['-frames:v', String(count), '-f', 'image2pipe', '-c:v', 'ppm', '-pix_fmt', 'rgb24', 'pipe:1'],
  ])
  const frames = framesIn(output)
  if (code !== 0) throw new Damage(said)
  if (frames.length < count) throw new Damage(`of ${count} frames, only ${frames.length} can be decoded`)
  return frames
}

/** A part of a file is a file to ffmpeg. */
function urlOf({ file, part }: Place): string {
  return part === undefined
    ? `file:${file}`
    : `subfile,,start,${part.position},end,${part.position + part.length},,:${file}`
}

/** Images in the format PPM, one after the other. */
function framesIn(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at < bytes.length;) {
    const head = /^P6\s(\d+)\s(\d+)\s255\s/.exec(new TextDecoder('latin1').decode(bytes.subarray(at, at + 40)))
    if (head === null) break
    const [width, height] = [Number(head[1]), Number(head[2])]
    const start = at + head[0].length
    at = start + 3 * width * height
    if (at <= bytes.length) frames.push({ width, height, data: bytes.subarray(start, at) })
  }
  return frames
}

/** Runs a program to its end (code 0 is well): what it wrote, and the last that it complained about. */
async function run(
  program: string,
  settings: readonly string[],
): Promise<{ code: number; said: string; output: Uint8Array }> {
  const child = spawn(program, settings, { stdio: ['ignore', 'pipe', 'pipe'] })
  const pieces: Uint8Array[] = []
  let errors = ''
  child.stdout.on('data', (piece: Uint8Array) => pieces.push(piece))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)))
  return new Promise((resolve, reject) => {
    child.once('error', ({ message }) =>
      reject(
        new DataFailure(
          `videos are read by the programs ffmpeg and ffprobe; ${program} does not run here: ${message}`,
          'install ffmpeg (apt install ffmpeg, brew install ffmpeg, winget install ffmpeg) so that it is on the PATH, ' +
            'or give videos as folders of numbered images',
        ),
      ),
    )
    child.once('close', (code) => {
      const said = /[^\n]+$/.exec(errors.trimEnd())?.[0] ?? `${program} ended with code ${code}`
      resolve({ code: code ?? -1, said, output: Buffer.concat(pieces) })
    })
  })
}
