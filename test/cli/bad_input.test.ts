/** Files and folders that are not what they should be: a message and the right exit code, never a stack trace. */
import { mkdirSync, symlinkSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Folder, mdmc } from './run.js'

const folder = new Folder()
mkdirSync(folder.at('folder.mdm'))
mkdirSync(folder.at('folder.yaml'))
mkdirSync(folder.at('folder.pth'))
const binary = folder.write(
  'binary.mdm',
  Uint8Array.from({ length: 4096 }, (_, i) => (i * 2654435761) >>> 24),
)
const empty = folder.write('empty.mdm', '')
const tiny = 'examples/tiny.mdm'

const wrongInput: [string, string, RegExp][] = [
  ['a missing file', folder.at('missing.mdm'), /cannot read/],
  ['a folder', folder.at('folder.mdm'), /cannot read/],
  ['a path through a file', `${empty}/x.mdm`, /cannot read/],
  ['binary', binary, /error MDM01\d\d/],
]

describe.each(['check', 'fmt', 'inspect', 'compile'])('%s', (command) => {
  it.each(wrongInput)('%s', async (_, path, said) => {
    const { code, out, err } = await mdmc([command, path])
    expect(err).toMatch(said)
    expect({ code, out }).toEqual({ code: 1, out: '' })
  })
})

describe('an empty file', () => {
  it('is formatted, and has no mistakes', async () => {
    expect(await mdmc(['fmt', '--check', empty])).toEqual({ code: 0, out: '', err: '' })
    expect(await mdmc(['check', empty])).toEqual({ code: 0, out: `${empty}: no model, ok\n`, err: '' })
  })

  it.each(['inspect', 'compile'])('has nothing to %s', async (command) => {
    expect(await mdmc([command, empty])).toEqual({ code: 1, out: '', err: `error: ${empty} has no model\n` })
  })
})

describe('import', () => {
  it.each<[string, string, RegExp]>([
    ['a missing configuration', folder.at('missing.yaml'), /cannot read/],
    ['a folder as configuration', folder.at('folder.yaml'), /cannot read/],
    ['missing weights', folder.at('missing.pth'), /there is no such file/],
    ['a folder as weights', folder.at('folder.pth'), /it is a folder/],
    ['an empty configuration', folder.write('empty.yaml', ''), /no network in this file/],
    ['a configuration that is a list', folder.write('list.yaml', '- a\n- b\n'), /MDM04\d\d/],
    ['a configuration of another kind', folder.write('other.yaml', 'name: x\n'), /no network in this file/],
    ['broken YAML', folder.write('broken.yaml', 'unet_config: [1, 2\n  x: {'), /MDM0401/],
    [
      'a misspelt setting',
      folder.write('misspelt.yaml', 'unet_config: {resolution_chanels: [32]}\n'),
      /resolution_channels/,
    ],
  ])('%s', async (_, path, said) => {
    const { code, out, err } = await mdmc(['import', path])
    expect(err).toMatch(said)
    expect({ code, out }).toEqual({ code: 1, out: '' })
  })
})

describe('verify', () => {
  it.each([
    ['a missing folder', folder.at('missing')],
    ['a file', tiny],
    ['a folder without cases', 'models'],
  ])('%s', async (_, path) => {
    const { code, err } = await mdmc(['verify', path])
    expect(err).toMatch(/MDM0601: this is no recorded case/)
    expect(code).toBe(1)
  })

  it('a case that is no JSON', async () => {
    mkdirSync(folder.at('broken'))
    folder.write('broken/case.json', '{')
    const { code, err } = await mdmc(['verify', folder.at('broken')])
    expect(err).toContain('case.json is not valid JSON')
    expect(code).toBe(1)
  })
})

describe('what cannot be written ends with code 3', () => {
  it.each<[string, string[], RegExp]>([
    ['a folder through a file', ['compile', tiny, '-o', `${empty}/out`], /something else of this name/],
    ['a file in the place of the folder', ['compile', tiny, '-o', empty], /there is something else of this name/],
    [
      'a picture in a missing folder',
      ['inspect', tiny, '--graph', folder.at('no', 'x.svg')],
      /there is no such file or folder/,
    ],
    ['a picture in the place of a folder', ['inspect', tiny, '--graph', folder.path], /it is a folder/],
    [
      'a specification in a missing folder',
      ['import', 'test/fixtures/reference/text_256.yaml', '-o', folder.at('no', 'x.mdm')],
      /there is no such file or folder/,
    ],
  ])('%s', async (_, given, said) => {
    const { code, out, err } = await mdmc(given)
    expect(err).toMatch(said)
    expect({ code, out }).toEqual({ code: 3, out: '' })
  })

  it.runIf(process.platform === 'linux')('a folder where the system allows none', async () => {
    const { code, err } = await mdmc(['compile', tiny, '-o', '/proc/mdmc'])
    expect(err).toContain('/proc/mdmc')
    expect(code).toBe(3)
  })

  it.runIf(process.platform === 'linux')('a full disk', async () => {
    symlinkSync('/dev/full', folder.at('full.svg'))
    const { code, err } = await mdmc(['inspect', tiny, '--graph', folder.at('full.svg')])
    expect(err).toContain('the disk is full')
    expect(code).toBe(3)
  })
})
