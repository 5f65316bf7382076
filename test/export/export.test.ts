/** Exported data sets: that they hold what training sees, and what is done about interruption and damage. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { hashRow } from '../../runtime/text/hash.js'
import { openWeights } from '../../runtime/weights/open.js'
import { bytesOf, freshFolder, present, reader, told, written } from '../data/support.js'
import type { Dataset } from '../../runtime/data/dataset.js'
import { exported, exportTo, filesOf, modelOf, opened, readJson } from './support.js'

const batches = reader()

const text = modelOf('condition text { width 4  encoder "hash" }  micro scale 64')
const plainModel = modelOf('')

/** Images of noise, of different sizes, half of them transparent. */
async function noise(count: number): Promise<Record<string, Uint8Array>> {
  const files = Array.from({ length: count }, async (_, i): Promise<[string, Uint8Array]> => {
    const [width, height, channels] = [11 + i, 20 - i, i % 2 === 0 ? 3 : 4] as const
    const data = Uint8Array.from({ length: width * height * channels }, (_, k) => (k * k * 31 + i * 77 + k) % 251)
    return [`${i}.png`, await sharp(data, { raw: { width, height, channels } }).png().toBuffer()]
  })
  return Object.fromEntries(await Promise.all(files))
}

let images: Record<string, Uint8Array>
beforeAll(async () => {
  vi.stubEnv('XDG_CACHE_HOME', freshFolder())
  images = await noise(10)
})

describe('the examples', () => {
  it.each([
    ['rgb', 1, 3],
    ['gray', 1, 1],
  ] as const)('are the first epoch of a training, in its order: %s', async (kind, frames, channels) => {
    const [data, out] = [written(images), join(freshFolder(), 'out')]
    await exported(out, modelOf(`image ${kind}`), { data })
    const [epoch] = await batches(await opened(data), { batch: 10, channels }, 1)
    expect(await pixelsOf(await opened(out), channels, frames)).toEqual(bytesOf(present(epoch).images))
    expect(readJson(out, 'dataset.json')).toMatchObject({ examples: 10, side: 8, frames, channels })
  })

  it('are clips of videos', async () => {
    const all = Object.values(await noise(10)).map((image, i) => [`${i % 2}/${i}.png`, image] as const)
    const [data, out] = [written(Object.fromEntries(all)), join(freshFolder(), 'out')]
    await exported(out, { ...plainModel, frames: 2 }, { data })
    const [epoch] = await batches(await opened(data, 2), { batch: 2, frames: 2 }, 1)
    expect([...filesOf(out).keys()].filter((name) => name.endsWith('.png'))).toEqual([
      '000000000.00.png',
      '000000000.01.png',
      '000000001.00.png',
      '000000001.01.png',
    ])
    expect(await pixelsOf(await opened(out, 2), 3, 2)).toEqual(bytesOf(present(epoch).images))
  })

  it('have captions, their text and micro-conditions beside them', async () => {
    const data = written({ ...images, '3.txt': ' a red cat \n', '4.txt': 'mat' })
    const out = join(freshFolder(), 'out')
    const [outcome, words] = await told((report) => exportTo(out, text, { data, prompts: ['a dog'] }, report))
    expect(words).toContain('warning MDM0913: 8 examples have no caption')
    expect(outcome?.kind).toBe('done')
    const files = filesOf(out)
    const captions = [...files].filter(([name]) => name.endsWith('.txt')).map(([name, bytes]) => [name, String(bytes)])
    expect(captions.map(([, caption]) => caption).sort()).toEqual(['a red cat', 'mat'])
    const row = (prompt: string) => hashRow(prompt, 4, () => undefined).features
    for (let key = 0; key < 10; key++) {
      const stem = String(key).padStart(9, '0')
      const [, caption = ''] = captions.find(([name]) => name === `${stem}.txt`) ?? []
      expect(valuesIn(present(files.get(`${stem}.text.npy`)))).toEqual(row(caption))
      expect(String(files.get(`${stem}.json`))).toBe('{"scale":64}')
    }
    expect(readJson(out, 'dataset.json')).toEqual({
      format: 1,
      name: 'data',
      examples: 10,
      side: 8,
      frames: 1,
      channels: 3,
      encoder: 'hash',
      text: [4, 4],
      micros: ['scale'],
      labels: null,
      shards: [4, 4, 2].map((examples, i) => {
        const file = `00000${i}.tar`
        return { file, examples, bytes: readFileSync(join(out, file)).length }
      }),
      prompts: 'prompts.safetensors',
      prompt_texts: ['a dog'],
      prompt_labels: null,
    })
    const prompts = present(await openWeights(join(out, 'prompts.safetensors'), () => undefined))
    expect(await prompts.read('empty')).toEqual(row(''))
    expect(await prompts.read('prompts.0')).toEqual(row('a dog'))
    await prompts.close()
  })

  it('have text in half precision where that is wanted', async () => {
    const [data, out] = [written({ ...images, '3.txt': 'cat' }), join(freshFolder(), 'out')]
    await told((report) => exportTo(out, text, { data, textPrecision: 'fp16' }, report))
    const [, bytes] = present([...filesOf(out)].find(([name]) => name.endsWith('.npy')))
    expect(String(bytes)).toContain("'descr': '<f2', 'fortran_order': False, 'shape': (1, 4,), }")
  })

  it('have the numbers of their classes', async () => {
    const entries = Object.entries(images).map(([name, image], i) => [`${i < 5 ? 'owl' : 'cat'}/${name}`, image])
    const [data, out] = [written(Object.fromEntries(entries) as typeof images), join(freshFolder(), 'out')]
    const model = modelOf('condition label { classes 3  names ["cat", "dog", "owl"] }')
    await exported(out, model, { data, labels: ['owl', '1'] })
    const original = await opened(data)
    const [epoch] = await batches(original, { batch: 10 }, 1)
    const labels = present(epoch).examples.map((example) => (original.label(example) === 'owl' ? '2' : '0'))
    const copy = await opened(out)
    expect(labels.map((_, i) => copy.label(i))).toEqual(labels)
    expect(readJson(out, 'dataset.json')).toMatchObject({
      labels: 3,
      prompts: null,
      prompt_texts: ['owl', '1'],
      prompt_labels: [2, 1],
    })
  })

  it('that are held out lie in a folder of their own', async () => {
    const [data, out] = [written(images), join(freshFolder(), 'out')]
    const { training, heldOut } = await exported(out, plainModel, { data, heldOut: 0.3 })
    const parts = (await opened(data)).heldOut(0.3)
    expect([training.examples, heldOut?.examples]).toEqual([parts.training.length, parts.heldOut.length])
    const [epoch] = await batches(parts.heldOut, { batch: parts.heldOut.length }, 1)
    expect(await pixelsOf(await opened(join(out, 'held_out')), 3, 1)).toEqual(bytesOf(present(epoch).images))
    expect(readJson(out, 'held_out', 'dataset.json')).toMatchObject({ examples: parts.heldOut.length, prompts: null })
  })
})

describe('damaged examples', () => {
  it('are left out, counted and named', async () => {
    const data = written({ ...images, '4.png': new Uint8Array(10) })
    const out = join(freshFolder(), 'out')
    const [outcome, words] = await told((report) => exportTo(out, plainModel, { data }, report))
    expect(words).toMatchSnapshot()
    expect(outcome).toMatchObject({ kind: 'done', training: { examples: 9, skipped: [{ name: '4.png' }] } })
    expect(filesOf(out).size).toBe(9)
    const { shards } = readJson(out, 'dataset.json') as { shards: { examples: number }[] }
    expect(shards.reduce((sum, { examples }) => sum + examples, 0)).toBe(9)
  })

  it('leave no shard behind that has nothing else', async () => {
    const data = written({ '0.png': images['0.png'] ?? '', '1.png': 'no image' })
    const out = join(freshFolder(), 'out')
    for (let call = 0; call < 2; call++) {
      const [outcome] = await told((report) => exportTo(out, plainModel, { data, shardSize: 1 }, report))
      expect(outcome).toMatchObject({ kind: 'done', training: { examples: 1, shards: [{ examples: 1 }] } })
      expect(readdirSync(out).filter((name) => name.endsWith('.tar'))).toHaveLength(1)
    }
  })

  it('are reported where there are no others', async () => {
    const [data, out] = [written({ '0.png': 'no', '1.png': 'image' }), join(freshFolder(), 'out')]
    const [outcome, words] = await told((report) => exportTo(out, plainModel, { data }, report))
    expect(outcome).toBeUndefined()
    expect(words).toMatch(/^error MDM0911: of 2 examples none can be read/)
    expect(existsSync(join(out, 'dataset.json'))).toBe(false)
  })
})

describe('an export that was interrupted', () => {
  it('has whole shards only, and goes on to the same bytes', async () => {
    const captions = Object.keys(images).map((name) => [name.replace('png', 'txt'), `cat ${name}`])
    const data = written({ ...images, ...(Object.fromEntries(captions) as Record<string, string>) })
    const [whole, cut] = [join(freshFolder(), 'out'), join(freshFolder(), 'out')]
    const run = (path: string, examples?: number) =>
      told((report) => exportTo(path, text, { data, heldOut: 0.3, shardSize: 2 }, report, examples))
    expect((await run(whole))[0]?.kind).toBe('done')
    for (const examples of [3, 3]) {
      expect((await run(cut, examples))[0]).toEqual({ kind: 'stopped' })
      expect(existsSync(join(cut, 'dataset.json'))).toBe(false)
      expect(readdirSync(cut).filter((name) => name.includes('partial'))).toEqual([])
    }
    writeFileSync(join(cut, `000003.tar.${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}.partial`), 'killed')
    expect((await run(cut))[0]?.kind).toBe('done')
    const contents = (path: string) =>
      readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name), 'base64')])
        .sort()
    expect(contents(cut)).toEqual(contents(whole))
  })

  it('writes a shard again that is gone', async () => {
    const [data, out] = [written(images), join(freshFolder(), 'out')]
    await exported(out, plainModel, { data })
    const before = readFileSync(join(out, '000001.tar'))
    rmSync(join(out, '000001.tar'))
    await exported(out, plainModel, { data })
    expect(readFileSync(join(out, '000001.tar')).equals(before)).toBe(true)
  })
})

describe('what is wrong is said before anything is written', () => {
  it('other settings, or other data', async () => {
    const [data, out] = [written({ ...images, '1.txt': 'cat' }), join(freshFolder(), 'out')]
    await told((report) => exportTo(out, text, { data, prompts: ['a cat'] }, report))
    const again = { data, prompts: ['a cat', 'a dog'], shardSize: 8, textPrecision: 'fp16' as const }
    const [outcome, words] = await told((report) => exportTo(out, text, again, report), join(out, '..'))
    expect(outcome).toBeUndefined()
    expect(words.slice(words.indexOf('error'))).toMatchSnapshot()
    rmSync(join(data, '9.png'))
    const [, changed] = await told((report) => exportTo(out, text, { data, prompts: ['a cat'] }, report))
    expect(changed).toMatch(/begun with other settings: content of the data$/m)
  })

  it('a folder with something else', async () => {
    const [data, out] = [written(images), written({ 'notes.txt': 'mine' })]
    const [outcome, words] = await told((report) => exportTo(out, plainModel, { data }, report), join(out, '..'))
    expect(outcome).toBeUndefined()
    expect(words).toMatchSnapshot()
    expect(readdirSync(out)).toEqual(['notes.txt'])
  })

  it('settings that cannot be read', async () => {
    const [data, out] = [
      written(images),
      written({ 'export.json': '{"format": 1, "settings": {}, "shards": {"a": 1}}' }),
    ]
    const [outcome, words] = await told((report) => exportTo(out, plainModel, { data }, report), join(out, '..'))
    expect(outcome).toBeUndefined()
    expect(words).toMatchSnapshot()
  })

  it('a model that cannot be trained', async () => {
    const out = join(freshFolder(), 'out')
    const [, words] = await told((report) => exportTo(out, modelOf('image 4'), { data: written(images) }, report))
    expect(words).toContain('MDM1102: Small has `image 4`')
    expect(existsSync(out)).toBe(false)
  })
})

/** The numbers of a NumPy file of float32. */
function valuesIn(file: Buffer): Float32Array {
  const start = 10 + file.readUInt16LE(8)
  return new Float32Array(Uint8Array.from(file.subarray(start)).buffer)
}

/** The pixels of all examples in their order, as training reads them. */
async function pixelsOf(dataset: Dataset, channels: 1 | 3, frames: number): Promise<number[]> {
  const [epoch] = await batches(dataset, { batch: dataset.length, channels, frames }, 1)
  const { images, examples } = present(epoch)
  const bytes = bytesOf(images)
  const size = bytes.length / examples.length
  return examples
    .map((example, row) => ({ example, pixels: bytes.slice(row * size, (row + 1) * size) }))
    .sort((a, b) => a.example - b.example)
    .flatMap(({ pixels }) => pixels)
}
