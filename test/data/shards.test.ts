/** WebDataset tars and the reference implementation's tables. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { openDataset } from '../../runtime/data/open.js'
import { bytesOf, contents, halves, plain, present, reader, tar, told, written } from './support.js'

const batches = reader()

let images: readonly Buffer[]
beforeAll(async () => {
  images = await Promise.all([0, 50, 100, 150, 200].map((grey) => plain([grey, grey, grey])))
})
const image = (i: number) => images[i] ?? new Uint8Array()
const open = (setting: string, folder: string) => told((report) => openDataset(setting, 1, report), folder)

it('groups the files of a tar by their names up to the first dot', async () => {
  const bytes = await tar({
    './a.txt': 'first',
    './a.png': image(0),
    './a.cls': '7\n',
    'in/a.jpg': image(1),
    'in/a.json': JSON.stringify({ caption: 'second', label: 'cat' }),
    'b.seg.png': image(2),
    'b.png': image(2),
    'b.caption': 'third',
    'b.json': '{"text": "not this", "label": 1}',
    'words only.txt': 'no image',
    '._b.png': 'what macOS leaves',
    'Ünïcode 東京.png': image(3),
    'Ünïcode 東京.txt': 'fourth',
  })
  const folder = written({ 'x.tar': bytes })
  const [dataset, words] = await open(join(folder, 'x.tar'), folder)
  expect(words).toBe('')
  expect(contents(dataset)).toEqual([
    ['x.tar/a.png', 'first', '(7)'],
    ['x.tar/in/a.jpg', 'second', '(cat)'],
    ['x.tar/b.png', 'third', '(1)'],
    ['x.tar/Ünïcode 東京.png', 'fourth'],
  ])
  const epoch = await batches(present(dataset), {}, 1)
  const greys = epoch.flatMap(({ images, examples }) =>
    examples.map((example, row) => [example, bytesOf(images)[row * 3 * 64]]),
  )
  expect(greys.sort()).toEqual([
    [0, 0],
    [1, 50],
    [2, 100],
    [3, 150],
  ])
})

it('finds long names, and passes over what is no file', async () => {
  const long = `${'folder/'.repeat(20)}${'name'.repeat(40)} ünïcode.png`
  const prefixed = `${'folder/'.repeat(15)}${'n'.repeat(90)}.png`
  const bytes = await tar({ [long]: image(1), [prefixed]: image(1), 'b.png': image(2) }, [
    { name: 'folder', type: 'directory' },
    { name: 'link.png', type: 'symlink', linkname: 'b.png' },
  ])
  const folder = written({ x: bytes })
  const [dataset] = await open(join(folder, 'x'), folder)
  expect(contents(dataset).flat()).toEqual([`x/${long}`, `x/${prefixed}`, 'x/b.png'])
})

it('finds the long names of GNU tar', async () => {
  const name = `${'n'.repeat(150)}.png`
  const header = await tar({ 'x.png': image(4) })
  const gnu = Buffer.from(await tar({ '././@LongLink': name + '\0' }))
  gnu[156] = 'L'.charCodeAt(0)
  gnu.fill(32, 148, 156)
  const sum = gnu.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  gnu.write(sum.toString(8).padStart(6, '0') + '\0 ', 148)
  const folder = written({ 'x.tar': Buffer.concat([gnu.subarray(0, 1024), header]) })
  const [dataset] = await open(join(folder, 'x.tar'), folder)
  expect(contents(dataset).flat()).toEqual([`x.tar/${name}`])
})

describe('several tars', () => {
  it.each(['', '/shard-{000..001}.tar', '/{shard-000,shard-001}.tar'])('%s', async (pattern) => {
    const shards = {
      'shard-001.tar': await tar({ 'a.png': image(1) }),
      'shard-000.tar': await tar({ 'a.png': image(0) }),
    }
    const folder = written(shards)
    const [dataset, words] = await open(folder + pattern, folder)
    expect(words).toBe('')
    expect(contents(dataset).flat()).toEqual(['shard-000.tar/a.png', 'shard-001.tar/a.png'])
  })

  it('of which one is missing', async () => {
    const folder = written({ 'shard-0.tar': await tar({ 'a.png': image(1) }) })
    const [dataset, words] = await open(`${folder}/shard-{0..2}.tar`, folder)
    expect(dataset).toBeUndefined()
    expect(words).toMatchSnapshot()
  })
})

it('takes captions from the parquet of img2dataset where a tar has none', async () => {
  const bytes = await tar({ '000000000.jpg': image(0), '000000001.jpg': image(1), '000000001.txt': 'its own' })
  const parquet = readFileSync(join(import.meta.dirname, '../fixtures/img2dataset.parquet'))
  const folder = written({ '00000.tar': bytes, '00000.parquet': parquet })
  const [dataset, words] = await open(folder, folder)
  expect(words).toBe('')
  expect(contents(dataset)).toEqual([
    ['00000.tar/000000000.jpg', 'a red square'],
    ['00000.tar/000000001.jpg', 'its own'],
  ])
})

describe('a damaged tar', () => {
  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['cut in a file', (bytes) => bytes.subarray(0, 2 * 1024 + 600)],
    ['overwritten', (bytes) => Buffer.concat([bytes.subarray(0, 1024), Buffer.alloc(1024, 'x')])],
    ['no tar at all', () => Buffer.alloc(1024, 'x')],
    ['nothing', () => Buffer.alloc(0)],
  ])('%s', async (_, damage) => {
    const bytes = await tar({ 'a.png': image(0), 'b.png': image(1), 'c.png': image(2) })
    const folder = written({ 'x.tar': damage(bytes) })
    const [dataset, words] = await open(join(folder, 'x.tar'), folder)
    expect([dataset?.length, words]).toMatchSnapshot()
  })

  it('that becomes shorter while it is read', async () => {
    const bytes = await tar({ 'a.png': image(0), 'b.png': image(1) })
    const folder = written({ 'x.tar': bytes })
    const dataset = present(await openDataset(folder, 1, () => undefined))
    writeFileSync(join(folder, 'x.tar'), bytes.subarray(0, 1100))
    const [batch] = await batches(dataset, {}, 1)
    expect(batch?.examples).toEqual([0, 0, 0, 0])
  })
})

describe('tables', () => {
  const table = (...rows: readonly string[]) => ['tar\tfile\tcaption', ...rows].join('\n') + '\n'
  const shards = async () => ({
    'cc12m/00000.tar': await tar({ 'a.jpg': image(0), 'b.jpg': image(1) }),
    'cc12m/00001.tar': await tar({ 'a.jpg': image(2) }),
  })

  it('name images in tars, from the folder of the index or their own', async () => {
    const folder = written({
      ...(await shards()),
      'training_0.tsv': 'filename\ncc12m/00000.tsv\ncc12m/00001.tsv\n',
      // As the reference implementation's download writes them.
      'cc12m/00000.tsv': table(
        'cc12m/00000.tar\tb.jpg\tune "petite" image',
        'cc12m/00000.tar\ta.jpg\t"a ""quoted"" one"',
      ),
      'cc12m/00001.tsv': 'tar\tfile\tcaption\t\n00001.tar\ta.jpg\tthird\n',
    })
    const [dataset, words] = await open(join(folder, 'training_0.tsv'), folder)
    expect(words).toBe('')
    expect(contents(dataset)).toEqual([
      ['00000.tar/b.jpg', 'une "petite" image'],
      ['00000.tar/a.jpg', 'a "quoted" one'],
      ['00001.tar/a.jpg', 'third'],
    ])
    const [alone] = await open(join(folder, 'cc12m/00001.tsv'), folder)
    expect(contents(alone)).toEqual([['00001.tar/a.jpg', 'third']])
  })

  it('that name images that are not there', async () => {
    const folder = written({
      ...(await shards()),
      'x.tsv': table('cc12m/00001.tar\ta.jpg\tx', 'cc12m/00001.tar\tz.jpg\ty'),
    })
    const [dataset, words] = await open(join(folder, 'x.tsv'), folder)
    expect(dataset?.length).toBe(1)
    expect(words).toMatchSnapshot()
  })

  it.each<[string, Readonly<Record<string, string>>]>([
    ['that name a table that is not there', { 'x.tsv': 'filename\ngone.tsv\n' }],
    ['that name a tar that is not there', { 'x.tsv': table('gone.tar\ta.jpg\tx') }],
    ['without captions', { 'x.tsv': 'tar\tfile\nx.tar\ta.jpg\n' }],
    ['whose quotes do not end', { 'x.tsv': 'tar\tfile\tcaption\n"x.tar\ta.jpg\tx\n' }],
  ])('%s', async (_, files) => {
    const folder = written(files)
    const [dataset, words] = await open(join(folder, 'x.tsv'), folder)
    expect(dataset).toBeUndefined()
    expect(words).toMatchSnapshot()
  })
})

it('reads many tars in any order', async () => {
  const shards = await Promise.all(
    Array.from({ length: 70 }, async (_, i): Promise<[string, Uint8Array]> => {
      return [`${100 + i}.tar`, await tar({ 'a.png': await halves(i, i, 8) })]
    }),
  )
  const folder = written(Object.fromEntries(shards))
  const dataset = present(await openDataset(folder, 1, () => undefined))
  const [epoch] = await batches(dataset, { batch: 70 }, 1)
  const { images, examples } = present(epoch)
  expect(examples.map((_, row) => bytesOf(images)[row * 3 * 64])).toEqual(examples)
  rmSync(folder, { recursive: true })
})
