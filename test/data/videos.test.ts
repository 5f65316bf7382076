/** Videos: as folders of images, as animations, and through ffmpeg. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterEach, describe, expect, it } from 'vitest'
import { openDataset } from '../../runtime/data/open.js'
import { bytesOf, contents, freshFolder, plain, present, reader, tar, told, written } from './support.js'

const batches = reader()

const open = (folder: string, frames: number) => told((report) => openDataset(folder, frames, report), folder)

/** Frame i has the grey 10 i. */
async function frames(folder: string, count: number, name = (i: number) => String(i)) {
  const images = Array.from({ length: count }, async (_, i): Promise<[string, Uint8Array]> => {
    return [`${folder}/${name(i)}.png`, await plain([10 * i, 10 * i, 10 * i])]
  })
  return Object.fromEntries(await Promise.all(images))
}

/** The grey of each frame of each row. */
async function greysOf(
  folder: string,
  options: { frames: number; stride?: number; seed?: number; batch?: number },
  count = 1,
) {
  const [dataset, words] = await open(folder, options.frames)
  expect(words).toBe('')
  const found = await batches(present(dataset), options, count)
  return found.flatMap(({ images }) => {
    const [rows = 0, channels, frames = 0, ...sides] = images.shape
    expect([channels, frames, ...sides]).toEqual([3, options.frames, 8, 8])
    const bytes = bytesOf(images)
    return Array.from({ length: rows }, (_, row) =>
      Array.from({ length: frames }, (_, frame) => bytes[(row * 3 * frames + frame) * 64] ?? -1),
    )
  })
}

describe('folders of images', () => {
  it('are videos, their frames in the order of their numbers', async () => {
    const folder = written(await frames('clip', 12))
    expect(await greysOf(folder, { frames: 12, batch: 1 })).toEqual([Array.from({ length: 12 }, (_, i) => 10 * i)])
    const named = written(await frames('.', 4, (i) => `frame_${i + 8}`))
    expect(await greysOf(named, { frames: 4, batch: 1 })).toEqual([[0, 10, 20, 30]])
  })

  it('are so in tars as well', async () => {
    const image = async (grey: number) => plain([grey, grey, grey])
    const members = { 'b.10.png': await image(30), 'b.2.png': await image(20), 'b.1.png': await image(10) }
    const others = { 'b.txt': 'a caption', 'a.0.png': await image(0), 'a.1.png': await image(1) }
    const folder = written({ 'x.tar': await tar({ ...members, ...others }) })
    const [dataset, words] = await open(folder, 3)
    expect(words).toBe('')
    expect(contents(dataset)).toEqual([['x.tar/b', 'a caption'], ['x.tar/a']])
    const alone = written({ 'x.tar': await tar(members) })
    expect(await greysOf(alone, { frames: 3, batch: 1 })).toEqual([[10, 20, 30]])
  })

  it('have captions and labels as images do', async () => {
    const files = { ...(await frames('walk/one', 3)), ...(await frames('run/two', 3)) }
    const metadata = JSON.stringify({ file_name: 'two', text: 'somebody runs' })
    const folder = written({ ...files, 'walk/one.txt': 'somebody walks', 'run/metadata.jsonl': metadata })
    const [dataset, words] = await open(folder, 3)
    expect(words).toBe('')
    expect(contents(dataset)).toEqual([
      ['run/two', 'somebody runs', '(run)'],
      ['walk/one', 'somebody walks', '(walk)'],
    ])
  })

  it('give clips that begin anywhere, by the seed and the position alone', async () => {
    const folder = written(await frames('clip', 12))
    const clips = await greysOf(folder, { frames: 4 }, 10)
    for (const [first = 0, ...others] of clips) expect(others).toEqual([first + 10, first + 20, first + 30])
    const starts = new Set(clips.flatMap((clip) => clip.slice(0, 1)))
    expect(starts.size).toBeGreaterThan(5)
    expect(Math.max(...starts)).toBeLessThanOrEqual(80)
    expect(await greysOf(folder, { frames: 4 }, 10)).toEqual(clips)
    expect(await greysOf(folder, { frames: 4, seed: 8 }, 10)).not.toEqual(clips)
  })

  it('give frames further apart, as far as they go', async () => {
    const folder = written(await frames('clip', 12))
    expect(await greysOf(folder, { frames: 4, stride: 9, batch: 1 })).toHaveLength(1)
    for (const [first = 0, ...others] of await greysOf(folder, { frames: 4, stride: 9 }))
      expect(others).toEqual([first + 30, first + 60, first + 90])
  })

  it('that are too short are left out', async () => {
    const folder = written({ ...(await frames('long', 4)), ...(await frames('short', 3)) })
    const dataset = present(await openDataset(folder, 4, () => undefined))
    const [batch] = await batches(dataset, { frames: 4 }, 1)
    expect(batch?.examples.map((example) => dataset.nameOf(example))).toEqual(['long', 'long', 'long', 'long'])
  })
})

describe.each(['gif', 'webp'] as const)('animations (%s)', (format) => {
  const animation = async (count: number) => {
    const images = await Promise.all(Array.from({ length: count }, (_, i) => plain([10 * i, 10 * i, 10 * i])))
    const image = sharp(images, { join: { animated: true } })
    return format === 'gif' ? image.gif().toBuffer() : image.webp({ lossless: true }).toBuffer()
  }

  it('are videos in folders and in tars', async () => {
    const bytes = await animation(5)
    const folder = written({ [`a b.${format}`]: bytes, 'a b.txt': 'a caption', [`c.${format}`]: bytes })
    const [dataset] = await open(folder, 5)
    expect(contents(dataset)).toEqual([[`a b.${format}`, 'a caption'], [`c.${format}`]])
    expect(await greysOf(folder, { frames: 5, batch: 2 })).toEqual([
      [0, 10, 20, 30, 40],
      [0, 10, 20, 30, 40],
    ])
    const shards = written({ 'x.tar': await tar({ [`a.${format}`]: bytes, 'a.txt': 'a caption' }) })
    expect(await greysOf(shards, { frames: 5, batch: 1 })).toEqual([[0, 10, 20, 30, 40]])
  })
})

it('reports a folder without videos', async () => {
  const [dataset, words] = await open(written({ 'a.png': await plain([1, 2, 3]) }), 4)
  expect(dataset).toBeUndefined()
  expect(words).toMatchSnapshot()
})

describe('ffmpeg', () => {
  const path = process.env.PATH
  afterEach(() => {
    process.env.PATH = path
  })

  it.skipIf(process.platform === 'win32')('is asked for where it is missing', async () => {
    process.env.PATH = freshFolder()
    await expect(openDataset(written({ 'a.mp4': '' }), 4, () => undefined)).rejects.toThrow(
      /^videos are read by the programs ffmpeg and ffprobe; ffprobe does not run here: .*\ninstall ffmpeg/,
    )
  })

  const missing = ['ffmpeg', 'ffprobe'].find((program) => spawnSync(program, ['-version']).status !== 0)
  if (missing !== undefined) console.warn(`videos are not tested: there is no ${missing} on the PATH`)

  const video = async (name: string, count: number, ...settings: readonly string[]) => {
    const folder = written(await frames('in', count))
    const input = ['-v', 'error', '-framerate', '10', '-i', join(folder, 'in', '%d.png')]
    const output = join(folder, name)
    const { stderr } = spawnSync('ffmpeg', [...input, ...settings, output])
    expect(stderr.toString()).toBe('')
    return readFileSync(output)
  }
  const lossless = ['-c:v', 'ffv1', '-pix_fmt', 'bgr0']

  it.skipIf(missing !== undefined)('reads every frame once', async () => {
    const folder = written({ 'a, b: [c].mkv': await video('a.mkv', 12, ...lossless), 'a, b: [c].txt': 'odd names' })
    expect(contents((await open(folder, 4))[0])).toEqual([['a, b: [c].mkv', 'odd names']])
    expect(await greysOf(folder, { frames: 12, batch: 1 })).toEqual([Array.from({ length: 12 }, (_, i) => 10 * i)])
    const clips = await greysOf(folder, { frames: 3, stride: 4 }, 4)
    for (const [first = 0, ...others] of clips) expect(others).toEqual([first + 40, first + 80])
    expect(new Set(clips.map(([first]) => first)).size).toBe(4)
  })

  it.skipIf(missing !== undefined)('reads videos in tars, and those of uneven pace', async () => {
    const bytes = await video('a.mp4', 12, '-c:v', 'mpeg4', '-q:v', '1', '-vf', 'setpts=N*N/10/TB', '-fps_mode', 'vfr')
    const folder = written({ 'x.tar': await tar({ 'first.txt': 'something', 'a.mp4': bytes, 'a.txt': 'a caption' }) })
    expect(contents((await open(folder, 12))[0])).toEqual([['x.tar/a.mp4', 'a caption']])
    const [greys = []] = await greysOf(folder, { frames: 12, batch: 1 })
    greys.forEach((grey, i) => expect(Math.abs(grey - 10 * i)).toBeLessThan(5))
  })

  it.skipIf(missing !== undefined)('leaves damaged videos out', async () => {
    const bytes = await video('a.mkv', 12, ...lossless)
    const folder = written({ 'a.mkv': bytes, 'cut.mkv': bytes.subarray(0, 600), 'text.mp4': 'no video' })
    mkdirSync(join(folder, 'folder.mp4'))
    const [dataset] = await open(folder, 12)
    expect(contents(dataset).flat()).toEqual(['a.mkv', 'cut.mkv', 'text.mp4'])
    const [batch] = await batches(present(dataset), { frames: 12 }, 1)
    expect(batch?.examples).toEqual([0, 0, 0, 0])
  })
})
