import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { readPngMetadata, writePng } from '../../runtime/images/png.js'
import { textsOf } from '../../runtime/images/png-text.js'
import { gradient, plain, temporaryFolder } from './support.js'

const folder = temporaryFolder()
const file = (name: string) => join(folder, name)
const settings = JSON.stringify({ method: 'ddim', steps: 50, prompt: 'a "quoted"\nprompt' })

describe('PNG files', () => {
  it('hold the very pixels', async () => {
    const picture = gradient(33, 17, 200)
    await writePng(file('color.png'), picture)
    const { data, info } = await sharp(file('color.png')).raw().toBuffer({ resolveWithObject: true })
    expect(info).toMatchObject({ width: 33, height: 17, channels: 3 })
    expect(Buffer.compare(data, picture.data)).toBe(0)
  })

  it('are grey where the picture is', async () => {
    await writePng(file('grey.png'), plain(5, 4, 77), { seed: '1' })
    expect(await sharp(file('grey.png')).metadata()).toMatchObject({ space: 'b-w', channels: 1, width: 5, height: 4 })
    expect([...(await sharp(file('grey.png')).extractChannel(0).raw().toBuffer())]).toEqual(new Array(20).fill(77))
  })

  it('say what made them', async () => {
    const metadata = { seed: '7', prompt: 'ein Bär, 熊, 🐻', settings, empty: '', ['__proto__']: 'a name as any other' }
    await writePng(file('texts.png'), plain(2, 2, 1, 2, 3), metadata)
    expect(Object.entries(await readPngMetadata(file('texts.png')))).toEqual(Object.entries(metadata))
    const { comments } = await sharp(file('texts.png')).metadata()
    expect(comments).toContainEqual({ keyword: 'settings', text: settings })
    expect(comments).toContainEqual({ keyword: 'prompt', text: 'ein Bär, 熊, 🐻' })
  })

  it('take any text, but no keyword that PNG does not allow', async () => {
    await writePng(file('odd.png'), plain(1, 1, 0), { prompt: 'zero \0, half a pair \ud83d.', cr: 'a\r\nb' })
    expect(await readPngMetadata(file('odd.png'))).toEqual({ prompt: 'zero �, half a pair �.', cr: 'a\r\nb' })
    for (const keyword of ['', ' seed', 'a  b', 'Größe', 'k'.repeat(80)])
      await expect(writePng(file('bad.png'), plain(1, 1, 0), { [keyword]: 'x' })).rejects.toThrow('keyword')
  })

  it('that are damaged are told from whole ones', async () => {
    await writePng(file('whole.png'), plain(3, 3, 5), { seed: '7' })
    const bytes = await readFile(file('whole.png'))
    expect(textsOf(bytes)).toEqual({ seed: '7' })
    for (let length = 0; length < bytes.length; length++) expect(textsOf(bytes.subarray(0, length))).toBeUndefined()
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 0x10
      expect(textsOf(changed)).toBeUndefined()
    }
    await writeFile(file('other.png'), 'GIF89a')
    await expect(readPngMetadata(file('other.png'))).rejects.toThrow('is no whole PNG file')
  })

  it('appear whole or not at all', async () => {
    const place = file('taken')
    await mkdir(place)
    await expect(writePng(place, plain(2, 2, 1))).rejects.toThrow(`${place} cannot be written: `)
    await expect(writePng(file('none/a.png'), plain(2, 2, 1))).rejects.toThrow('there is no such file or folder')
    expect((await readdir(folder)).filter((name) => name.includes('partial'))).toEqual([])
  })
})
