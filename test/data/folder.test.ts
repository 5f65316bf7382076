/** Folders of images, and what is said of them. */
import { chmodSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { openDataset } from '../../runtime/data/open.js'
import { contents, freshFolder, plain, present, told, written } from './support.js'

let red: Buffer
beforeAll(async () => {
  red = await plain([255, 0, 0])
})
const open = (folder: string) => told((report) => openDataset(folder, 1, report), folder)
const listed = async (files: Readonly<Record<string, string | Uint8Array>>) => {
  const [dataset, words] = await open(written(files))
  return { list: contents(dataset), words, dataset: present(dataset) }
}

it('finds images in all folders, by their names, and nothing else', async () => {
  const names = ['b.JPG', 'a.png', 'deep/er/c d.webp', 'Ünïcode/東京 🐈.avif', 'x.gif', 'y.tiff']
  const others = { 'notes.md': 'no image', '.hidden.png': red, '.git/a.png': red, png: red }
  const { list, words } = await listed({ ...Object.fromEntries(names.map((name) => [name, red])), ...others })
  expect(words).toBe('')
  expect(list.flat()).toEqual(names.sort())
})

it('takes the first folder as the label, if all images have one', async () => {
  const folders = { 'cat/1.png': red, 'cat/more/2.png': red, 'a dog/1.png': red }
  const { list, dataset } = await listed(folders)
  expect(list).toEqual([
    ['a dog/1.png', '(a dog)'],
    ['cat/1.png', '(cat)'],
    ['cat/more/2.png', '(cat)'],
  ])
  expect(dataset.classes).toEqual(['a dog', 'cat'])
  expect((await listed({ ...folders, '3.png': red })).dataset.labelled).toBe(0)
})

it('reads captions beside images', async () => {
  const { list } = await listed({
    'a.b.png': red,
    'a.b.txt': ' a red square\n',
    '東京.png': red,
    '東京.txt': '\u6771\u4eac',
    'c.jpg': red,
    'c.json': JSON.stringify({ text: 'from json', label: 3 }),
    'd.png': red,
    'd.txt': '  \n',
    'd.json': 'no json',
  })
  expect(list).toEqual([['a.b.png', 'a red square'], ['c.jpg', 'from json', '(3)'], ['d.png'], ['東京.png', '東京']])
})

it('reads metadata.jsonl and metadata.csv before what lies beside', async () => {
  const lines = [
    { file_name: 'a.png', text: 'first', label: 'x' },
    { file_name: 'in/b.png', caption: 'second', text: 'not this' },
    { file_name: 'gone.png', text: 'nothing' },
  ]
  const { list, words } = await listed({
    'a.png': red,
    'a.txt': 'not this',
    'in/b.png': red,
    'metadata.jsonl': '\ufeff' + lines.map((line) => JSON.stringify(line)).join('\r\n') + '\n\n',
    'csv/c d.png': red,
    'csv/metadata.csv': 'file_name,text\n"c d.png","a ""quoted"" one, with comma"\n',
  })
  expect(list).toEqual([
    ['a.png', 'first', '(x)'],
    ['csv/c d.png', 'a "quoted" one, with comma'],
    ['in/b.png', 'second'],
  ])
  expect(words).toMatchSnapshot()
})

it('reads what img2dataset writes as files', async () => {
  const files = {
    '00000/000000000.jpg': red,
    '00000/000000000.json': JSON.stringify({ caption: 'from json', url: 'https://example.org' }),
    '00000/000000000.txt': 'from txt',
    '00000/000000001.jpg': red,
    '00000/000000002.jpg': red,
    '00000.parquet': readFileSync(join(import.meta.dirname, '../fixtures/img2dataset.parquet')),
    '00000_stats.json': '{}',
  }
  const { list, words } = await listed(files)
  expect(words).toBe('')
  expect(list).toEqual([
    ['00000/000000000.jpg', 'from txt'],
    ['00000/000000001.jpg', 'un carré vert'],
    ['00000/000000002.jpg'],
  ])
  expect((await listed({ ...files, '00000.parquet': 'no parquet' })).words).toMatchSnapshot()
})

it('follows links, but not in circles', async () => {
  const folder = written({ 'a/1.png': red })
  symlinkSync(folder, join(folder, 'a', 'back'))
  symlinkSync(join(folder, 'a', '1.png'), join(folder, 'a', '2.png'))
  symlinkSync(join(folder, 'nowhere'), join(folder, 'a', '3.png'))
  const [dataset] = await open(folder)
  expect(contents(dataset).map(([name]) => name)).toEqual(['a/1.png', 'a/2.png'])
})

it('is the same whatever the folder is called', async () => {
  const files = { 'a/1.png': red, 'a/1.txt': 'x' }
  const [first, second] = [await listed(files), await listed(files)]
  expect(first.dataset.fingerprint).toBe(second.dataset.fingerprint)
  expect((await listed({ ...files, 'a/1.txt': 'y' })).dataset.fingerprint).not.toBe(first.dataset.fingerprint)
})

describe('refused:', () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    ['an empty folder', {}],
    ['a folder without images', { 'a.txt': 'a', 'b.mp4': 'b' }],
    ['metadata that is no JSON', { 'a.png': '', 'metadata.jsonl': '{"file_name": "a.png"}\nfile: a.png' }],
    ['metadata without file_name', { 'a.png': '', 'metadata.jsonl': '{"name": "a.png"}' }],
    ['metadata.csv with quotes that do not end', { 'a.png': '', 'metadata.csv': 'file_name,text\na.png,"x\n' }],
    ['metadata.csv without file_name', { 'a.png': '', 'metadata.csv': 'name,text\na.png,x' }],
  ])('%s', async (_, files) => {
    const [dataset, words] = await open(written(files))
    expect(dataset).toBeUndefined()
    expect(words).toMatchSnapshot()
  })

  it.each([
    ['a misspelt name', 'emojis'],
    ['a path that is not there', join(freshFolder(), 'photos')],
    ['a path that cannot be', 'a\0b'],
  ])('%s', async (_, setting) => {
    const [dataset, words] = await told(
      (report) => openDataset(setting, 1, report),
      freshFolder().replace(/\d+.data$/, ''),
    )
    expect(dataset).toBeUndefined()
    expect(words.replace(/\.\.\.\d+\/data/, '...')).toMatchSnapshot()
  })

  it('a file of another kind', async () => {
    const folder = written({ 'cat.png': red, 'empty.tsv': '' })
    for (const name of ['cat.png', 'empty.tsv']) {
      const [dataset, words] = await told((report) => openDataset(join(folder, name), 1, report), folder)
      expect(dataset).toBeUndefined()
      expect(words).toMatchSnapshot()
    }
  })

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')('a folder that is locked', async () => {
    const folder = written({ 'a/1.png': red })
    chmodSync(join(folder, 'a'), 0)
    const [dataset, words] = await open(folder)
    chmodSync(join(folder, 'a'), 0o755)
    expect(dataset).toBeUndefined()
    expect(words).toContain('MDM0904')
  })
})
