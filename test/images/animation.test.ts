import { chmod, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { checkAnimation, writeAnimation } from '../../runtime/images/animation.js'
import { delays } from '../../runtime/images/delays.js'
import { ImageFailure } from '../../runtime/images/failure.js'
import type { Picture } from '../../runtime/images/picture.js'
import { gradient, meanDifference, plain, readAnimation, temporaryFolder } from './support.js'

const folder = temporaryFolder()
const file = (name: string) => join(folder, name)
const partials = async () => (await readdir(folder)).filter((name) => name.includes('partial'))
const frames = [0, 60, 120, 180, 240].map((blue) => gradient(31, 17, blue))
const total = (delay: readonly number[]) => delay.reduce((sum, it) => sum + it, 0)

afterEach(() => vi.unstubAllEnvs())

describe('animations', () => {
  it.each([
    { ending: 'webp', delay: [42, 41, 42, 42, 41], tolerance: 4 },
    { ending: 'gif', delay: [40, 40, 50, 40, 40], tolerance: 12 },
  ])('$ending: every frame, in time, for ever', async ({ ending, delay, tolerance }) => {
    const path = file(`colors.${ending}`)
    await writeAnimation(path, frames, 24)
    const read = await readAnimation(path)
    expect(read).toMatchObject({ width: 31, height: 17, pages: 5, loop: 0, delay })
    read.frames.forEach((frame, i) =>
      expect(meanDifference(frame, frames[i] ?? plain(1, 1, 0))).toBeLessThan(tolerance),
    )
  })

  it.each(['webp', 'gif'])('%s: grey, a single frame, and frames that are the same', async (ending) => {
    const grey = [0, 128, 255].map((value) => plain(8, 8, value))
    await writeAnimation(file(`grey.${ending}`), grey, 10)
    const read = await readAnimation(file(`grey.${ending}`))
    const colors = grey.map((it) => plain(8, 8, ...[0, 1, 2].map(() => it.data[0] ?? 0)))
    colors.forEach((color, i) => expect(meanDifference(color, read.frames[i] ?? color)).toBeLessThan(3))
    expect(read.pages).toBe(3)

    await writeAnimation(file(`one.${ending}`), grey.slice(1, 2), 10)
    expect(await readAnimation(file(`one.${ending}`))).toMatchObject({ width: 8, pages: 1 })

    await writeAnimation(file(`same.${ending}`), [...grey.slice(1, 2), ...grey.slice(1)], 10)
    expect(await readAnimation(file(`same.${ending}`))).toMatchObject({ pages: 3, delay: [100, 100, 100] })
  })

  it('stay in time, and GIF within what browsers show', async () => {
    const delaysOfAll = Array.from(
      { length: 24_000 },
      (
        (delay) => () =>
          delay.next().value
      )(delays(24, 10)),
    )
    expect(total(delaysOfAll)).toBe(1_000_000)
    await writeAnimation(file('fast.gif'), frames, 200)
    expect((await readAnimation(file('fast.gif'))).delay).toEqual([20, 20, 20, 20, 20])
  })

  it('take frames as they are made', async () => {
    let made = 0
    async function* stream() {
      for (; made < 40; made++) yield plain(64, 64, made * 6)
    }
    await writeAnimation(file('stream.webp'), stream(), 20)
    expect(made).toBe(40)
    expect(await readAnimation(file('stream.webp'))).toMatchObject({ pages: 40 })
  })

  it.each(['webp', 'gif'])('%s: leave nothing behind where frames end early', async (ending) => {
    function* broken() {
      yield plain(4, 4, 1)
      throw new Error('the model failed')
    }
    await expect(writeAnimation(file(`broken.${ending}`), broken(), 10)).rejects.toThrow('the model failed')
    await expect(writeAnimation(file(`uneven.${ending}`), [plain(4, 4, 1), plain(5, 4, 1)], 10)).rejects.toThrow(
      'sizes',
    )
    await expect(writeAnimation(file(`empty.${ending}`), [], 10)).rejects.toThrow('no frames')
    await expect(writeAnimation(file(`none/a.${ending}`), frames, 10)).rejects.toThrow('no such file or folder')
    expect((await readdir(folder)).filter((name) => /broken|uneven|empty|partial/.test(name))).toEqual([])
  })

  it('are refused where the format cannot hold them', async () => {
    await expect(checkAnimation('walk.avi')).rejects.toThrow('.webp, .gif, .mp4')
    await expect(checkAnimation('constructor')).rejects.toThrow(ImageFailure)
    await checkAnimation('walk.GIF')
    await expect(writeAnimation(file('wide.webp'), [plain(16384, 1, 1)], 10)).rejects.toThrow(
      'too large for this format',
    )
  })
})

const windows = process.platform === 'win32'

/** Puts a program named ffmpeg first on the PATH. */
async function pretendFfmpeg(script: string): Promise<string> {
  const place = await mkdtemp(join(folder, 'path-'))
  await writeFile(join(place, 'ffmpeg'), `#!${process.execPath}\n${script}`)
  await chmod(join(place, 'ffmpeg'), 0o755)
  vi.stubEnv('PATH', place)
  return place
}

describe.skipIf(windows)('MP4', () => {
  it('needs ffmpeg, and says so before any frame is made', async () => {
    vi.stubEnv('PATH', folder)
    let asked = false
    function* unwanted(): Generator<Picture> {
      asked = true
      yield plain(2, 2, 0)
    }
    await expect(writeAnimation(file('a.mp4'), unwanted(), 10)).rejects.toThrow(/install ffmpeg/)
    await expect(checkAnimation('a.mp4')).rejects.toBeInstanceOf(ImageFailure)
    expect(asked).toBe(false)
  })

  it('gives ffmpeg every pixel, the sides even', async () => {
    const place = await pretendFfmpeg(`
      const fs = require('node:fs')
      if (process.argv[2] === '-version') process.exit(0)
      fs.writeFileSync(process.argv.at(-1).slice('file:'.length), fs.readFileSync(0))
      fs.writeFileSync(__dirname + '/arguments', process.argv.join(' '))`)
    const picture = { width: 1, height: 3, channels: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9) } as const
    await writeAnimation(file('even.mp4'), [picture, plain(1, 3, 0, 0, 0)], 12.5)
    const pixels = [...(await readFile(file('even.mp4')))]
    expect(pixels.slice(0, 24)).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 8, 9, 7, 8, 9, 7, 8, 9, 7, 8, 9])
    expect(pixels).toHaveLength(48)
    const asked = await readFile(join(place, 'arguments'), 'utf8')
    expect(asked).toContain('-f rawvideo -pix_fmt rgb24 -video_size 2x4 -framerate 12.5 -i pipe:0')
    expect(asked).toContain('-pix_fmt yuv420p')
  })

  it('tells what ffmpeg complains about, without a file', async () => {
    await pretendFfmpeg(`
      if (process.argv[2] === '-version') process.exit(0)
      console.error('first\\nno encoder for H.264')
      process.exit(1)`)
    const many = Array.from({ length: 50 }, (_, i) => plain(256, 256, i))
    await expect(writeAnimation(file('bad.mp4'), many, 10)).rejects.toThrow(
      'ffmpeg cannot write the video: no encoder for H.264',
    )
    expect(await partials()).toEqual([])
  })

  it('ends ffmpeg where frames end early', async () => {
    await pretendFfmpeg(`
      if (process.argv[2] === '-version') process.exit(0)
      require('node:fs').writeFileSync(process.argv.at(-1).slice('file:'.length), 'part')
      setInterval(() => undefined, 1000)`)
    async function* broken() {
      yield plain(4, 4, 1)
      await new Promise((resolve) => setTimeout(resolve, 300))
      throw new Error('the model failed')
    }
    await expect(writeAnimation(file('broken.mp4'), broken(), 10)).rejects.toThrow('the model failed')
    expect(await partials()).toEqual([])
  })
})

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0

describe.skipIf(!hasFfmpeg)('MP4 by the real ffmpeg', () => {
  it.each([
    { name: 'color', video: [0, 80, 160, 240].map((blue) => plain(65, 33, 255 - blue, 90, blue)) },
    { name: 'grey', video: [0, 80, 160, 240].map((value) => plain(65, 33, value)) },
  ])('$name', async ({ name, video }) => {
    const path = file(`${name}.mp4`)
    await writeAnimation(path, video, 10)
    const raw = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-vf', 'scale=in_color_matrix=bt709']
    const { stdout } = spawnSync('ffmpeg', ['-v', 'error', '-i', path, ...raw, 'pipe:1'], { maxBuffer: 2 ** 26 })
    const length = 66 * 34 * 3
    expect(stdout).toHaveLength(4 * length)
    video.forEach(({ data, channels }, i) => {
      const found = [...stdout.subarray(i * length, i * length + 3)]
      const expected = [0, 1, 2].map((channel) => data[channels === 1 ? 0 : channel] ?? 0)
      found.forEach((value, channel) => expect(Math.abs(value - (expected[channel] ?? 0))).toBeLessThan(5))
    })
  })
})
