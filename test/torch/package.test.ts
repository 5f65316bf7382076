/** Generated packages as texts: how they read, that every shipped model has one, and what is refused. */
import { describe, expect, it } from 'vitest'
import { disk } from '../../cli/sources.js'
import { torchPackage } from '../../backends/torch/package.js'
import { checkFile } from '../../compiler/compile.js'
import * as catalogue from '../../compiler/diagnostics/torch.js'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { torchTraining } from '../../runtime/torch/training.js'
import { memoryHost } from '../host.js'
import { filesOf, noReport } from '../shipped.js'
import { lineLength, listed, variableName } from '../../backends/torch/python.js'
import { progressive, userBlocks } from './models.js'

function packageOf(source: string, name?: string) {
  const { models, sources, diagnostics } = checkFile('mine.mdm', memoryHost({ 'mine.mdm': source }))
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  const model = name === undefined ? models.at(-1) : models.find((one) => one.name === name)
  if (model === undefined) throw new Error('no model')
  const found = new DiagnosticList()
  const written = torchPackage(model, found.report, { sources, training: torchTraining(model, () => undefined) })
  return { files: written?.files ?? new Map<string, string>(), found: found.all }
}

describe('reads as an expert would write it', () => {
  it.each([
    ['a tiny nest with text', progressive, 'nest'],
    ['blocks of a user', userBlocks, 'blocks'],
  ])('%s', async (_, source, folder) => {
    const { files, found } = packageOf(source)
    expect(found).toEqual([])
    for (const [path, text] of files) await expect(text).toMatchFileSnapshot(`snapshots/${folder}/${path}`)
  })
})

it('divides an image by its deviation only where the model is nested', () => {
  const level = (side: number) => `level ${side} { channels 32  blocks 1 }`
  const { files } = packageOf(
    `model A { ${level(8)} } model B nests A { ${level(16)} ${level(8)} } model C nests B { ${level(32)} ${level(16)} }`,
  )
  const text = files.get('c/model.py') ?? ''
  expect(text).toContain('self.inner_unet = B(nested=True)')
  expect(text).toContain('if self.nested:\n            image = image / image.std(dim=(1, 2, 3), keepdim=True)')
})

describe('shipped models', () => {
  it.each([...filesOf('models'), ...filesOf('examples'), 'examples/emoji/emoji.mdm'])('%s', (path) => {
    const { models, sources } = checkFile(path, disk)
    expect(models.length).toBeGreaterThan(0)
    for (const model of models) {
      const files =
        torchPackage(model, noReport, { sources, training: torchTraining(model, noReport) })?.files ??
        new Map<string, string>()
      expect(files.size).toBeGreaterThanOrEqual(6)
      const long = [...files.values()].flatMap((text) => text.split('\n').filter((line) => line.length > lineLength))
      expect(long).toEqual([])
    }
  })
})

describe('refuses, with a place and a remedy', () => {
  const model = (use: string) => `model S { level 8 { channels 32  blocks 1  use ${use} } }`
  const cases = [
    ['a layer that hides a method', `block b(x) { return x | half: conv(channels(x), 1) } ${model('b')}`, 'MDM1301'],
    ['a word of Python', `block b(x) { return x | lambda: conv(channels(x), 1) } ${model('b')}`, 'MDM1301'],
    [
      'a remainder of a negative number',
      `block b(x, k = 0) { return x * ((k - 3) % 2) } ${model('b(k: 1)')}`,
      'MDM1302',
    ],
    ['frames by chance', 'model S { level 8 { channels 32  blocks 1 } diffusion { frame_choice random } }', 'MDM1102'],
  ] as const
  it.each(cases)('%s', (_, source, code) => {
    const { files, found } = packageOf(source)
    expect(files.size).toBe(0)
    expect(found.map((one) => one.code)).toEqual([code])
    expect(found[0]?.help).toBeTruthy()
    expect(found[0]?.labels[0]?.span.file).toBe('mine.mdm')
  })

  it('with codes that tests know', () => {
    const codes = Object.values<object>(catalogue).flatMap((value) => ('code' in value ? [value.code] : []))
    expect(codes.filter((code) => !cases.some(([, , tried]) => tried === code))).toEqual([])
  })
})

describe('text', () => {
  it('keeps names of the language off those of Python', () => {
    expect(['lambda', 'torch', 'x', '_', 'range'].map((name) => variableName(name))).toEqual([
      'lambda_',
      'torch_',
      'x',
      '__',
      'range_',
    ])
  })

  it('breaks a list only where it must', () => {
    expect(listed('f(', ['a', 'b'], ')', 0)).toEqual(['f(a, b)'])
    const long = 'a'.repeat(70)
    expect(listed('f(', [long, long], ')', 0)).toEqual(['f(', `    ${long},`, `    ${long},`, ')'])
  })
})

it('has a name that hides no module of Python', () => {
  const level = 'level 8 { channels 32  blocks 1 }'
  const nameOf = (model: string) => [...packageOf(`model ${model} { ${level} }`).files.keys()][0]?.split('/')[0]
  expect(['Small', 'Random', 'Lambda', 'Torch', 'Train'].map(nameOf)).toEqual([
    'small',
    'random_model',
    'lambda_model',
    'torch_model',
    'train_model',
  ])
})
