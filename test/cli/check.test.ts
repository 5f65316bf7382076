/** `mdmc check`: several files, several mistakes in one run, as text and as JSON, and fixes. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Folder, json, mdmc, succeed } from './run.js'

const folder = new Folder()

interface CheckResult {
  readonly files: readonly {
    readonly file: string
    readonly models: readonly string[]
    readonly diagnostics: readonly {
      readonly code: string
      readonly severity: string
      readonly message: string
      readonly places: readonly { readonly file: string; readonly line: number; readonly column: number }[]
      readonly fixes: readonly { readonly title: string }[]
    }[]
  }[]
}

const twoMistakes = `model Wrong {
  embeding 128
  level 32 { channels 64  blocks 1 }
  level 15 { channels 64  blocks 1 }
}
`
const misspelt = `model Fixable {
  embeding 128 // wider than usual

  level 32 { channels 64  blocks 1 }
}
`

it('names the models of good files', async () => {
  const { out, err } = await succeed(['check', 'models/S64.mdm', 'examples/my_block.mdm'])
  expect(out).toBe('models/S64.mdm: S64 ok\nexamples/my_block.mdm: WithSqueeze, WithPlainBlocks ok\n')
  expect(err).toBe('')
})

it('finds several mistakes in one run, and still says what is good', async () => {
  const path = folder.write('wrong.mdm', twoMistakes)
  const { code, out, err } = await mdmc(['check', path, 'models/S64.mdm'])
  expect(code).toBe(1)
  expect(out).toBe('models/S64.mdm: S64 ok\n')
  expect(err).toContain(`${path}:2:3`)
  expect(err).toContain(`${path}:4:9`)
  expect(err).toContain('did you mean `embedding`?')
  expect(err).toMatch(/\n\d errors\n$/)
})

it('uses no colours where nobody looks', async () => {
  expect((await mdmc(['check', folder.write('plain.mdm', twoMistakes)])).err).not.toContain('\x1b')
})

describe('--json', () => {
  it('gives codes and places', async () => {
    const path = folder.write('json.mdm', twoMistakes)
    const ended = await mdmc(['check', path, 'models/S64.mdm', '--json'])
    expect(ended.code).toBe(1)
    expect(ended.err).toBe('')
    const { files } = json(ended) as CheckResult
    expect(files.map(({ file }) => file)).toEqual([path, 'models/S64.mdm'])
    const [wrong, good] = files
    expect(good).toEqual({ file: 'models/S64.mdm', models: ['S64'], diagnostics: [] })
    expect(wrong?.diagnostics.length).toBeGreaterThanOrEqual(2)
    for (const { code, severity, places } of wrong?.diagnostics ?? []) {
      expect(code).toMatch(/^MDM\d{4}$/)
      expect(severity).toBe('error')
      expect(places[0]?.file).toBe(path)
    }
    expect(wrong?.diagnostics.map(({ places }) => places[0]?.line)).toEqual(expect.arrayContaining([2, 4]))
  })
})

describe('--fix', () => {
  it('makes the certain changes and leaves the rest of the file alone', async () => {
    const path = folder.write('fixable.mdm', misspelt)
    expect((await mdmc(['check', path])).code).toBe(1)
    expect(readFileSync(path, 'utf8')).toBe(misspelt)
    const { out, err } = await succeed(['check', '--fix', path])
    expect(err).toBe(`${path}: 1 change made\n`)
    expect(out).toBe(`${path}: Fixable ok\n`)
    expect(readFileSync(path, 'utf8')).toBe(misspelt.replace('embeding', 'embedding'))
    expect((await succeed(['check', '--fix', path])).err).toBe('')
  })

  it('ends with code 1 where something is left', async () => {
    const path = folder.write('partly.mdm', misspelt.replace('level', 'dropout 7\n  level'))
    const { code, out, err } = await mdmc(['check', '--fix', path])
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/: 1 change made\n[^]*`dropout`[^]*1 error\n$/)
    expect(readFileSync(path, 'utf8')).toContain('embedding 128 // wider than usual')
  })
})
