/** Weights on their way through the command line: into compiled files, from one format to the other, and unfit ones. */
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import protocol from 'onnx-proto'
import { beforeAll, describe, expect, it } from 'vitest'
import { reference } from '../../backends/reference/engine.js'
import { ruleValues, ruleWeights } from '../../runtime/weights/rule.js'
import { writeSafetensors } from '../../runtime/weights/write-safetensors.js'
import { runOn, SoundFiles } from '../onnx/support.js'
import { graphOf, modelOf, noReport } from '../shipped.js'
import { opened } from '../weights/support.js'
import { Folder, mdmc, succeed } from './run.js'
import { inputsFor, readManifest, relativeError, runFile, type Tensors } from './session.js'

const folder = new Folder()
const sound = new SoundFiles()
/** A checkpoint as the reference's trainer writes it; its weights follow the rule. */
const checkpoint = 'test/fixtures/vis_model.pth'
const spec = folder.write(
  'vis.mdm',
  `model Vis {
  condition text { width 24  project 32  masked no }
  micro scale 16

  level 16 { channels 32  blocks 1 }
  level 8 { channels 32  blocks 1  attention 1 }
  middle { attention 1 }
}
`,
)

const inputsOf = (to: string, role = 'denoiser') =>
  readManifest(folder.at(to)).files.find((file) => file.role === role)?.inputs ?? []
const runDenoiser = (to: string) => runFile(folder.at(to, 'denoiser.onnx'), inputsFor(inputsOf(to)))

describe('vis_model.pth', () => {
  let found: Tensors
  beforeAll(async () => {
    await succeed(['compile', spec, '--weights', checkpoint, '-o', folder.at('vis')])
    found = await runDenoiser('vis')
  })

  it('goes into the file number by number', () => {
    const { graph } = protocol.onnx.ModelProto.decode(readFileSync(folder.at('vis', 'denoiser.onnx')))
    const stored = new Map(graph?.initializer?.map((tensor) => [tensor.name ?? '', tensor]))
    const { parameters } = readManifest(folder.at('vis'))
    expect(parameters.length).toBeGreaterThan(100)
    for (const { name, shape } of parameters) {
      const { rawData } = stored.get(name) ?? {}
      expect(new Float32Array(Uint8Array.from(rawData ?? []).buffer), name).toEqual(ruleValues(name, shape))
    }
  })

  it('makes the model compute what the reference engine does', async () => {
    const graph = graphOf(modelOf(spec))
    const expected = await runOn(
      reference,
      'cpu',
      { graph, weights: ruleWeights(graph.parameters) },
      inputsFor(inputsOf('vis')),
    )
    expect(relativeError(found.pred_16, expected.pred_16)).toBeLessThan(1e-5)
  })

  it('is named in the manifest, its place nowhere', () => {
    expect(readManifest(folder.at('vis')).weights).toBe(`weights of ${checkpoint}`)
    expect(readFileSync(folder.at('vis', 'denoiser.onnx')).includes(folder.path)).toBe(false)
  })

  it('in float16: half the size; the error is that of rounding', async () => {
    await succeed(['compile', spec, '--weights', checkpoint, '--precision', 'fp16', '-o', folder.at('half')])
    const path = folder.at('half', 'denoiser.onnx')
    sound.add(path)
    expect(statSync(path).size).toBeLessThan(0.65 * statSync(folder.at('vis', 'denoiser.onnx')).size)
    expect(readManifest(folder.at('half')).precision).toBe('float16')
    const error = relativeError((await runDenoiser('half')).pred_16, found.pred_16)
    // Measured: 1.7e-3.
    expect(error).toBeLessThan(4e-3)
    expect(error).toBeGreaterThan(1e-5)
  })

  it('becomes safetensors and a checkpoint again, with the same result', async () => {
    const [safe, back] = [folder.at('vis.safetensors'), folder.at('back.pth')]
    expect((await succeed(['import', checkpoint, '-o', safe])).out).toBe(`${safe}\n`)
    await succeed(['import', safe, '-o', back])
    const [first, last] = [await opened(checkpoint), await opened(back)]
    expect(last.entries.map(({ name }) => name).sort()).toEqual(first.entries.map(({ name }) => name).sort())
    for (const { name } of first.entries) expect(await last.read(name), name).toEqual(await first.read(name))
    await Promise.all([first.close(), last.close()])
    await succeed(['compile', spec, '--weights', safe, '-o', folder.at('safe')])
    const bytes = (to: string) => readFileSync(folder.at(to, 'denoiser.onnx'))
    expect(bytes('safe').equals(bytes('vis'))).toBe(true)
  })

  it('is not written over', async () => {
    const taken = folder.write('taken.safetensors', 'mine')
    const { code, err } = await mdmc(['import', checkpoint, '-o', taken])
    expect(code).toBe(2)
    expect(err).toContain('give --force')
    expect(readFileSync(taken, 'utf8')).toBe('mine')
    await succeed(['import', checkpoint, '-o', taken, '--force'])
    expect(statSync(taken).size).toBeGreaterThan(1_000_000)
  })
})

describe.each([
  ['text in a nest', 'examples/nested.mdm', ['text', 'text_mask']],
  ['a label', 'examples/labels.mdm', ['label']],
  ['a label of a transformer', 'examples/dit.mdm', ['label']],
])('--split with %s', (_, path, conditionInputs) => {
  const to = path.replaceAll(/\W/g, '_')

  it('computes the condition once, and the same predictions', async () => {
    const rule = ruleWeights(graphOf(modelOf(path)).parameters)
    const weights = folder.at(`${to}.safetensors`)
    await writeSafetensors(weights, rule.entries, ({ name }) => rule.read(name), noReport)
    await succeed(['compile', path, '--weights', weights, '-o', folder.at(to)])
    const { out } = await succeed(['compile', path, '--weights', weights, '--split', '-o', folder.at(`${to}-split`)])
    const paths = ['condition.onnx', 'denoiser.onnx'].map((name) => folder.at(`${to}-split`, name))
    expect(out).toBe([...paths, folder.at(`${to}-split`, 'manifest.json'), ''].join('\n'))
    sound.add(...paths)

    const all = inputsFor(inputsOf(to))
    const once = inputsOf(`${to}-split`, 'condition').map(({ name }) => name)
    const each = inputsOf(`${to}-split`).map(({ name }) => name)
    expect(once).toEqual(conditionInputs)
    expect(each).not.toContain(conditionInputs[0])
    const pick = (names: readonly string[], from: Tensors) =>
      Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)))
    const computed = await runFile(paths[0] ?? '', pick(once, all))
    expect(each).toEqual(expect.arrayContaining(Object.keys(computed)))
    const found = await runFile(paths[1] ?? '', pick(each, { ...all, ...computed }))
    const expected = await runDenoiser(to)
    expect(Object.keys(found)).toEqual(Object.keys(expected))
    for (const name of Object.keys(expected)) {
      expect(Math.max(...(expected[name]?.data ?? []))).toBeGreaterThan(0.05)
      expect(relativeError(found[name], expected[name]), name).toBeLessThan(1e-6)
    }
  })
})

describe('weights that do not fit', () => {
  it('are told parameter by parameter, and nothing is written', async () => {
    const other = readFileSync(spec, 'utf8')
      .replace('level 8 { channels 32', 'level 8 { channels 64')
      .replace('  micro scale 16\n', '')
    const path = folder.write('other.mdm', other)
    const { code, err } = await mdmc(['compile', path, '--weights', checkpoint, '-o', folder.at('other')])
    expect(code).toBe(1)
    expect(err).toMatch(
      /error MDM\d+: 2 parameters of the model are missing.+`down_blocks\.1\.resnets\.0\.conv3\.weight`/,
    )
    expect(err).toMatch(
      /error MDM\d+: \d+ .+another shape.+`down_blocks\.1\.resnets\.0\.conv1\.weight` \[32, 32, 3, 3\] instead of \[64, 32, 3, 3\]/,
    )
    expect(err).toMatch(/warning MDM\d+: .+not in the model: `cond_layers\.scale\.0\.weight`/)
    expect(existsSync(folder.at('other'))).toBe(false)
  })

  it('surplus alone is a warning', async () => {
    const path = folder.write('smaller.mdm', readFileSync(spec, 'utf8').replace('  micro scale 16\n', ''))
    const { err } = await succeed(['compile', path, '--weights', checkpoint, '-o', folder.at('smaller')])
    expect(err).toMatch(/^warning MDM\d+: 4 .+`cond_layers\.scale\.1\.bias`/)
  })
})

describe('damaged weights', () => {
  const damaged = (name: string, damage: (path: string) => void) => {
    const path = folder.copy(checkpoint, name)
    damage(path)
    return path
  }

  it.each<[string, () => string | Promise<string>, RegExp]>([
    ['cut short', () => damaged('short.pth', (path) => truncateSync(path, 800_000)), /is damaged/],
    ['empty', () => folder.write('empty.pth', ''), /MDM05\d\d/],
    [
      'of another kind',
      () => folder.write('text.txt', 'these are no weights, whatever their name says'),
      /neither a safetensors file nor/,
    ],
    ['missing', () => folder.at('nowhere.pth'), /there is no such file/],
    ['a folder', () => folder.path, /it is a folder/],
    [
      'a safetensors file whose header lies',
      async () => {
        const path = folder.at('lies.safetensors')
        await succeed(['import', checkpoint, '-o', path])
        const bytes = readFileSync(path)
        bytes.writeBigUInt64LE(2n ** 40n)
        writeFileSync(path, bytes)
        return path
      },
      /MDM05\d\d/,
    ],
    [
      'a safetensors file cut short',
      async () => {
        const path = folder.at('short.safetensors')
        await succeed(['import', checkpoint, '-o', path])
        truncateSync(path, 900_000)
        return path
      },
      /MDM05\d\d/,
    ],
  ])('%s', async (_, make, said) => {
    const path = await make()
    const { code, out, err } = await mdmc(['compile', spec, '--weights', path, '-o', folder.at('damaged')])
    expect(err).toMatch(said)
    expect(err).toContain(path)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(existsSync(folder.at('damaged'))).toBe(false)
  })
})

it('the files load silently and pass the ONNX checker', () => sound.expectSound())
