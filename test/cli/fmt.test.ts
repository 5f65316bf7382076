/** `mdmc fmt`: in place, or only looking. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { Folder, mdmc, succeed } from './run.js'

const folder = new Folder()
const untidy = '// kept\nmodel   M{level 32 {blocks 1 channels 64} // this one too\n}\n'

it('formats in place, keeps remarks, and is done the second time', async () => {
  const path = folder.write('untidy.mdm', untidy)
  expect((await succeed(['fmt', path])).out).toBe(`${path}: formatted\n`)
  const formatted = readFileSync(path, 'utf8')
  expect(formatted).not.toBe(untidy)
  expect(formatted).toContain('// kept')
  expect(formatted).toContain('// this one too')
  expect((await succeed(['fmt', path])).out).toBe('')
  expect(readFileSync(path, 'utf8')).toBe(formatted)
  await succeed(['check', path])
})

it('--check changes nothing and ends with code 1', async () => {
  const path = folder.write('checked.mdm', untidy)
  const { code, out } = await mdmc(['fmt', '--check', path, 'models/S64.mdm'])
  expect({ code, out }).toEqual({ code: 1, out: `${path}: not formatted\n` })
  expect(readFileSync(path, 'utf8')).toBe(untidy)
})

it('leaves a file alone that it cannot read as a whole', async () => {
  const broken = 'model M { level 32 { channels 64 \n'
  const path = folder.write('broken.mdm', broken)
  const { code, err } = await mdmc(['fmt', path])
  expect(code).toBe(1)
  expect(err).toContain(`${path}:1:`)
  expect(readFileSync(path, 'utf8')).toBe(broken)
})
