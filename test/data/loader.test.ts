/** Batches: what is in them, and that they are the same however they come about. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { Loader } from '../../runtime/data/loader.js'
import { openDataset } from '../../runtime/data/open.js'
import { bytesOf, greys, halves, openPool, plain, present, reader, standard, told, written } from './support.js'

const pool = openPool()
const batches = reader(pool)

const opened = async (files: Readonly<Record<string, string | Uint8Array>>) =>
  present(await openDataset(written(files), 1, () => undefined))

describe('exactness:', () => {
  const several = reader(openPool(3))
  it.each([
    ['from a later batch on', { firstStep: 3 }, batches],
    ['several threads', {}, several],
    ['one batch ahead', { ahead: 1 }, batches],
    ['many ahead by several threads', { ahead: 6 }, several],
  ])('%s', async (_, options: { readonly firstStep?: number; readonly ahead?: number }, read) => {
    // Batches of 5 from 7 examples: each reaches into another epoch.
    const dataset = await opened(await greys(7))
    const common = { batch: 5, flip: true }
    const all = await batches(dataset, common, 8)
    const first = options.firstStep ?? 0
    expect(await read(dataset, { ...common, ...options }, 8 - first)).toEqual(all.slice(first))
  })

  it('goes to any batch', async () => {
    const dataset = await opened(await greys(7))
    const common = { batch: 5, flip: true }
    const all = await batches(dataset, common, 4)
    const loader = present(await Loader.open(dataset, { ...standard, ...common }, pool, () => undefined))
    await loader.next()
    for (const step of [3, 0, 1]) {
      loader.goTo(step)
      expect(await loader.next()).toEqual(all[step])
    }
    expect(await loader.next()).toEqual(all[2])
  })

  it('another seed gives other batches', async () => {
    const dataset = await opened(await greys(7))
    const order = async (seed: number) => (await batches(dataset, { seed }, 3)).map(({ examples }) => examples)
    expect(await order(1)).not.toEqual(await order(2))
  })

  it('each row has the image of its example', async () => {
    const dataset = await opened(await greys(7))
    for (const { images, examples } of await batches(dataset, {}, 5)) {
      expect(images.shape).toEqual([4, 3, 8, 8])
      const bytes = bytesOf(images)
      examples.forEach((example, row) =>
        expect(new Set(bytes.slice(row * 192, (row + 1) * 192))).toEqual(new Set([example * 10])),
      )
    }
  })

  it('images that are not kept in memory are the same', async () => {
    const dataset = await opened(await greys(7))
    const options = { batch: 5, flip: true }
    expect(await batches(dataset, { ...options, memory: 0 }, 4)).toEqual(await batches(dataset, options, 4))
  })
})

describe('images', () => {
  const one = async (image: Uint8Array, options = {}) => {
    const [batch] = await batches(await opened({ 'a.png': image }), { batch: 1, ...options }, 1)
    return present(batch).images
  }

  it('are of values -1 to 1, channel by channel', async () => {
    const { data, shape } = await one(await plain([0, 255, 51]))
    expect(shape).toEqual([1, 3, 8, 8])
    expect([0, 63, 64, 127, 128, 191].map((i) => data[i])).toEqual([-1, -1, 1, 1, Math.fround(-0.6), Math.fround(-0.6)])
  })

  it('are put on white, or on another background', async () => {
    const clear = await sharp({
      create: { width: 8, height: 8, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0 } },
    })
      .png()
      .toBuffer()
    expect(new Set(bytesOf(await one(clear)))).toEqual(new Set([255]))
    const coloured = bytesOf(await one(clear, { background: [1, 2, 3] }))
    expect([coloured[0], coloured[64], coloured[128]]).toEqual([1, 2, 3])
  })

  it('become grey for models of one channel, and grey ones become coloured', async () => {
    const grey = await one(await plain([10, 200, 30]), { channels: 1 })
    expect(grey.shape).toEqual([1, 1, 8, 8])
    expect(Math.abs((bytesOf(grey)[0] ?? 0) - 172)).toBeLessThan(3)
    const image = sharp(new Uint8Array(64).fill(77), { raw: { width: 8, height: 8, channels: 1 } }).toColourspace('b-w')
    expect(new Set(bytesOf(await one(await image.png().toBuffer())))).toEqual(new Set([77]))
  })

  it.each<[string, { palette?: boolean }, Uint8Array | Uint16Array]>([
    ['of 16 bits', {}, Uint16Array.from({ length: 192 }, () => 77 * 257)],
    ['with a palette', { palette: true }, new Uint8Array(192).fill(77)],
  ])('%s are read', async (_, settings, data) => {
    const image = sharp(data, { raw: { width: 8, height: 8, channels: 3 } })
    const wide = data instanceof Uint16Array ? image.toColourspace('rgb16') : image
    expect(new Set(bytesOf(await one(await wide.png(settings).toBuffer())))).toEqual(new Set([77]))
  })

  it('are cut to the square in their middle', async () => {
    const parts = [
      await plain([255, 0, 0], 'png', 8, 16),
      await halves(0, 255, 16),
      await plain([255, 0, 0], 'png', 8, 16),
    ]
    const wide = sharp({ create: { width: 32, height: 16, channels: 3, background: 'red' } }).composite(
      parts.map((input, i) => ({ input, top: 0, left: [0, 8, 24][i] ?? 0 })),
    )
    const bytes = bytesOf(await one(await wide.png().toBuffer(), { side: 16 }))
    expect(bytes).toEqual(Array.from({ length: 3 * 256 }, (_, i) => (i % 16 < 8 ? 0 : 255)))
  })

  it('are resized', async () => {
    const small = bytesOf(await one(await halves(0, 255, 64), { side: 4 }))
    expect([small[0], small[3]]).toEqual([0, 255])
    expect((await one(await halves(0, 255, 4), { side: 64 })).shape).toEqual([1, 3, 64, 64])
  })

  it('are turned as their EXIF says', async () => {
    const sideways = await sharp(await halves(0, 255, 16))
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100 })
      .toBuffer()
    const bytes = bytesOf(await one(sideways, { side: 16 }))
    expect([bytes[0], bytes[15], bytes[240], bytes[255]].map((byte) => (byte ?? 0) > 127)).toEqual([
      false,
      false,
      true,
      true,
    ])
  })

  it('are mirrored half of the time, each time anew', async () => {
    const dataset = await opened({ 'a.png': await halves(0, 255, 8) })
    const found = await batches(dataset, { batch: 10, flip: true }, 20)
    const left = found.flatMap(({ images }) => bytesOf(images).filter((_, i) => i % 192 === 0))
    const right = found.flatMap(({ images }) => bytesOf(images).filter((_, i) => i % 192 === 7))
    expect(left.map((byte) => 255 - byte)).toEqual(right)
    const mirrored = left.filter((byte) => byte === 255).length
    expect(mirrored).toBeGreaterThan(70)
    expect(mirrored).toBeLessThan(130)
  })
})

describe('damaged images', () => {
  const damaged = async () => {
    const size = { width: 64, height: 64 }
    const noise = sharp({
      create: { ...size, channels: 3, background: 'grey', noise: { type: 'gaussian', mean: 128, sigma: 50 } },
    })
    const jpeg = await noise.jpeg().toBuffer()
    return { 'cut.jpg': jpeg.subarray(0, jpeg.length / 2), 'empty.png': '', 'text.png': 'no image' }
  }

  it('are told, and others take their place, the same in every run', async () => {
    const dataset = await opened({ ...(await greys(6)), ...(await damaged()) })
    const [all, words] = await told(async (report) => {
      const loader = present(await Loader.open(dataset, { ...standard, batch: 9 }, pool, report))
      const found = [await loader.next(), await loader.next(), await loader.next()]
      const names = loader.skipped.map(({ name }) => name).sort()
      expect(names).toEqual(['cut.jpg', 'empty.png', 'text.png'])
      return found
    })
    expect(words.split('\n\n').sort().join('\n\n')).toMatchSnapshot()
    for (const { examples } of all) {
      const names = examples.map((example) => dataset.nameOf(example))
      expect(new Set(names)).toEqual(new Set(Object.keys(await greys(6))))
    }
    expect(await batches(dataset, { batch: 9, firstStep: 1 }, 2)).toEqual(all.slice(1))
  })

  it('alone are no data set', async () => {
    const dataset = await opened(await damaged())
    const [loader, words] = await told((report) => Loader.open(dataset, standard, pool, report))
    expect(loader).toBeUndefined()
    const [last = ''] = words.split('\n\n').slice(-1)
    expect(last.replace(/`.*\.(png|jpg)`, for one: .*/, '`...`')).toMatchSnapshot()
  })

  it('of which the data set loses the last while it is read', async () => {
    const folder = written(await greys(3))
    const dataset = present(await openDataset(folder, 1, () => undefined))
    const options = { ...standard, memory: 0 }
    const loader = present(await Loader.open(dataset, options, pool, () => undefined))
    rmSync(join(folder), { recursive: true })
    const all = async () => {
      for (let i = 0; i < 4; i++) await loader.next()
    }
    await expect(all()).rejects.toThrow(/none can be read; \d.png, for one: there is no such file.*\nsee whether/)
  })

  it('are told one by one only as long as they are few', async () => {
    const texts = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`bad ${i}.png`, 'text']))
    const dataset = await opened({ ...(await greys(2)), ...texts })
    const [skipped, words] = await told(async (report) => {
      const loader = present(await Loader.open(dataset, { ...standard, batch: 22 }, pool, report))
      return loader.skipped.length
    })
    expect(skipped).toBe(20)
    expect(words.match(/MDM0910/g)).toHaveLength(8)
  })
})

it('counts how long it was waited for', async () => {
  const dataset = await opened(await greys(3))
  const loader = present(await Loader.open(dataset, standard, pool, () => undefined))
  expect(loader.waited).toBe(0)
  await loader.next()
  expect(loader.waited).toBeGreaterThan(0)
})
