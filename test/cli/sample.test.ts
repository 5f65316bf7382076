/** `mdmc sample`: pictures and videos, what is written in them, and requests that are refused. */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import * as aboutSamples from '../../compiler/diagnostics/sample.js'
import { picturesOf } from '../../runtime/images/picture.js'
import { readPngMetadata } from '../../runtime/images/png.js'
import { drawNoise } from '../../runtime/sample/noise.js'
import { ruleWeights } from '../../runtime/weights/rule.js'
import { writeSafetensors } from '../../runtime/weights/write-safetensors.js'
import { graphOf, modelOf, noReport } from '../shipped.js'
import { Folder, json, mdmc, succeed, type Ended } from './run.js'
import { readManifest, runFile } from './session.js'

const folder = new Folder()
const tiny = 'examples/tiny.mdm'
const labels = 'examples/labels.mdm'
const nested = 'examples/nested.mdm'
const video = 'examples/video.mdm'
/** A checkpoint as the reference's trainer writes it; its weights follow the rule. */
const checkpoint = 'test/fixtures/vis_model.pth'
const vis = folder.write(
  'vis.mdm',
  `model Vis {
  condition text { width 24  project 32  masked no  encoder hash }
  micro scale 16

  level 16 { channels 32  blocks 1 }
  level 8 { channels 32  blocks 1  attention 1 }
  middle { attention 1 }
}
`,
)
/** Predictions of fresh weights are zeros; where they matter, weights are of a file. */
const fresh = ['--fresh-weights', '1']
const hash = ['--encoder', 'hash']

/** Samples into a folder of its own, in few steps. */
function sample(model: string, to: string, ...options: readonly string[]): Promise<Ended> {
  return succeed(['sample', model, '--steps', '3', '-o', folder.at(to), ...options])
}

const filesIn = (to: string) => readdirSync(folder.at(to)).sort()
const bytesOf = (...names: readonly string[]) => readFileSync(folder.at(...names))

/** A picture as bytes row by row, and what form it has; of an animation, `pages` and the size of one. */
async function pixels(...names: readonly string[]) {
  const image = sharp(folder.at(...names), { pages: -1 })
  const { pages = 1 } = await image.metadata()
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true })
  return { data, pages, width: info.width, height: info.height / pages }
}

/** What a PNG tells of its making. */
async function making(...names: readonly string[]): Promise<Record<string, unknown>> {
  const { mdmc: settings = '' } = await readPngMetadata(folder.at(...names))
  return JSON.parse(settings) as Record<string, unknown>
}

async function largestDifference(a: readonly string[], b: readonly string[]): Promise<number> {
  const [one, other] = [await pixels(...a), await pixels(...b)]
  expect(one.data.length).toBe(other.data.length)
  return Math.max(...one.data.map((value, i) => Math.abs(value - (other.data[i] ?? 0))))
}

describe('a model without condition', () => {
  let said: Ended
  beforeAll(async () => {
    said = await sample(tiny, 'tiny', ...fresh, '--seed', '7', '--count', '3', '--batch', '3')
  })

  it('gives a picture each, and a grid of all', async () => {
    expect(filesIn('tiny')).toEqual(['0000.png', '0001.png', '0002.png', 'grid.png'])
    expect(said.out.trimEnd().split('\n')).toEqual(filesIn('tiny').map((name) => folder.at('tiny', name)))
    expect(said.err).toMatch(/^3 images, ddpm in 3 steps, seed 7, fresh weights, seed 1, [\d.]+ s\n$/)
    expect(await pixels('tiny', '0000.png')).toMatchObject({ width: 16, height: 16 })
    expect(await pixels('tiny', 'grid.png')).toMatchObject({ width: 34, height: 34 })
  })

  it('writes into each picture how it was made', async () => {
    await succeed(['compile', tiny, '--no-weights', '-o', folder.at('compiled-tiny')])
    expect(await readPngMetadata(folder.at('tiny', '0002.png'))).toMatchObject({ Software: 'mdmc' })
    expect(await making('tiny', '0002.png')).toMatchObject({
      model: 'Tiny',
      spec: readManifest(folder.at('compiled-tiny')).specHash,
      seed: 7,
      image: 2,
      method: 'ddpm',
      steps: 3,
      guidance: 1,
    })
  })

  it('gives the same bytes for the same seed, others for another', async () => {
    await sample(tiny, 'again', ...fresh, '--seed', '7', '--count', '3', '--batch', '3')
    for (const name of filesIn('tiny')) expect(bytesOf('again', name).equals(bytesOf('tiny', name)), name).toBe(true)
    await sample(tiny, 'other', ...fresh, '--seed', '8')
    expect(await largestDifference(['tiny', '0000.png'], ['other', '0000.png'])).toBeGreaterThan(50)
    expect(await largestDifference(['tiny', '0000.png'], ['tiny', '0001.png'])).toBeGreaterThan(50)
  })

  it('gives the same pictures whatever the batch', async () => {
    await sample(tiny, 'one-by-one', ...fresh, '--seed', '7', '--count', '3', '--batch', '1')
    expect(filesIn('one-by-one')).toEqual(filesIn('tiny'))
    for (const name of filesIn('tiny'))
      expect(await largestDifference(['tiny', name], ['one-by-one', name]), name).toBeLessThanOrEqual(1)
  })

  it('--method, --eta and --spacing take effect', async () => {
    const changes: Readonly<Record<string, readonly string[]>> = {
      ddim: ['--method', 'ddim'],
      noisy: ['--method', 'ddim', '--eta', '0.8'],
      quadratic: ['--method', 'ddim', '--spacing', 'quadratic'],
      dpm: ['--method', 'dpm'],
    }
    for (const [to, options] of Object.entries(changes)) await sample(tiny, to, ...fresh, '--seed', '7', ...options)
    expect(await making('ddim', '0000.png')).toMatchObject({ method: 'ddim', eta: 0, spacing: 'even' })
    expect(await making('noisy', '0000.png')).toMatchObject({ method: 'ddim', eta: 0.8 })
    expect(await making('quadratic', '0000.png')).toMatchObject({ method: 'ddim', spacing: 'quadratic' })
    expect(await making('dpm', '0000.png')).toMatchObject({ method: 'dpm', spacing: 'log_snr' })
    const found = ['tiny', ...Object.keys(changes)].map((to) => bytesOf(to, '0000.png').toString('base64'))
    expect(new Set(found).size).toBe(5)
  })

  it('--json prints what was made', async () => {
    const ended = await sample(tiny, 'json', ...fresh, '--method', 'dpm', '--seed', '3', '--json')
    expect(json(ended)).toMatchObject({
      model: 'Tiny',
      images: 1,
      method: 'dpm',
      steps: 3,
      seed: 3,
      files: [folder.at('json', '0000.png')],
    })
    expect(ended.err).toBe('')
  })

  it('writes to out/MODEL-samples where nothing is said', async () => {
    folder.copy(tiny, 'tiny.mdm')
    const { out } = await succeed(['sample', 'tiny.mdm', ...fresh, '--steps', '1'], { cwd: folder.path })
    expect(out.replaceAll('\\', '/')).toBe('out/Tiny-samples/0000.png\n')
  })
})

describe.each([
  ['.webp', 'webp'],
  ['.gif', 'gif'],
])('--trajectory %s', (ending, format) => {
  it('shows each step of the first batch, the last one as the picture is', async () => {
    const file = folder.at(`t${ending}`)
    const { out } = await sample(tiny, format, ...fresh, '--count', '2', '--batch', '1', '--trajectory', file)
    expect(out.trimEnd().split('\n').at(-1)).toBe(file)
    expect((await sharp(file).metadata()).format).toBe(format)
    expect(await pixels(`t${ending}`)).toMatchObject({ pages: 3, width: 16, height: 16 })
  })
})

describe('a model of labels', () => {
  const weights = ['--weights', folder.at('labels.safetensors')]
  beforeAll(async () => {
    const rule = ruleWeights(graphOf(modelOf(labels)).parameters)
    await writeSafetensors(folder.at('labels.safetensors'), rule.entries, ({ name }) => rule.read(name), noReport)
  })

  it('takes numbers and names', async () => {
    await sample(labels, 'numbers', ...weights, '--label', '3', '0')
    await sample(labels, 'names', ...weights, '--label', 'cat', 'airplane')
    await sample(labels, 'others', ...weights, '--label', 'dog', 'ship')
    expect(filesIn('names')).toEqual(['0000.png', '0001.png', 'grid.png'])
    for (const name of ['0000.png', '0001.png']) {
      expect(await largestDifference(['names', name], ['numbers', name])).toBe(0)
      expect(await largestDifference(['names', name], ['others', name])).toBeGreaterThan(0)
    }
    expect(await making('names', '0001.png')).toMatchObject({ words: 'airplane', method: 'ddim' })
  })

  it('has the same pictures from sampler.onnx', async () => {
    await succeed(['compile', labels, ...weights, '--with-sampler', '-o', folder.at('with-sampler')])
    await sample(labels, 'loop', ...weights, '--label', 'frog', 'truck', '--seed', '9')
    const shape = [3, 32, 32]
    const { image_32: images } = await runFile(folder.at('with-sampler', 'sampler.onnx'), {
      x_32: drawNoise({ seed: 9, resolution: '32', step: 'start' }, [0, 1], shape),
      label: { shape: [2], data: Float32Array.of(6, 9) },
      steps: { shape: [], data: Float32Array.of(3) },
    })
    if (images === undefined) throw new Error('no images')
    for (const [i, { data }] of picturesOf(images).entries()) {
      const looped = (await pixels('loop', `000${i}.png`)).data
      expect(Math.max(...looped.map((value, at) => Math.abs(value - (data[at] ?? NaN))))).toBeLessThanOrEqual(1)
    }
  })
})

describe('a nest of text', () => {
  const owl = ['--prompt', 'a fluffy owl']
  beforeAll(() => sample(nested, 'nested', ...fresh, ...hash, ...owl, '--resolutions', '--seed', '5'))

  it('--resolutions shows them side by side, the smallest first', async () => {
    expect(filesIn('nested')).toEqual(['0000-resolutions.png', '0000.png'])
    expect(await pixels('nested', '0000.png')).toMatchObject({ width: 32, height: 32 })
    expect(await pixels('nested', '0000-resolutions.png')).toMatchObject({ width: 66, height: 32 })
  })

  it('knows its prompt, and the guidance of the model', async () => {
    const about = { model: 'SmallOfTwo', words: 'a fluffy owl', guidance: 1.5, negative: null }
    expect(await making('nested', '0000.png')).toMatchObject(about)
  })

  it('--until stops at a smaller resolution', async () => {
    await sample(nested, 'until', ...fresh, ...hash, ...owl, '--until', '16', '--seed', '5')
    expect(filesIn('until')).toEqual(['0000.png'])
    expect(await pixels('until', '0000.png')).toMatchObject({ width: 16, height: 16 })
    expect(await making('until', '0000.png')).toMatchObject({ model: 'SmallOfTwo', until: 16 })
  })
})

describe('vis_model.pth', () => {
  const prompt = ['--prompt', 'a red boat', '--seed', '2']
  const visible = (to: string, ...options: readonly string[]) =>
    sample(vis, to, '--weights', checkpoint, ...prompt, ...options)
  beforeAll(() => visible('vis'))

  it('gives pictures', async () => {
    expect(filesIn('vis')).toEqual(['0000.png'])
    expect(await making('vis', '0000.png')).toMatchObject({ model: 'Vis', seed: 2, words: 'a red boat' })
  })

  it('--prompt, --guidance and --negative take effect', async () => {
    await sample(vis, 'elsewhere', '--weights', checkpoint, '--prompt', 'snow', '--seed', '2')
    await visible('guided', '--guidance', '4')
    await visible('negative', '--guidance', '4', '--negative', 'green grass')
    expect(await making('negative', '0000.png')).toMatchObject({ guidance: 4, negative: 'green grass' })
    const found = ['vis', 'elsewhere', 'guided', 'negative'].map((to) => bytesOf(to, '0000.png').toString('base64'))
    expect(await largestDifference(['vis', '0000.png'], ['elsewhere', '0000.png'])).toBeGreaterThan(0)
    expect(await largestDifference(['vis', '0000.png'], ['guided', '0000.png'])).toBeGreaterThan(0)
    expect(await largestDifference(['guided', '0000.png'], ['negative', '0000.png'])).toBeGreaterThan(0)
    expect(new Set(found).size).toBe(4)
  })

  it('makes no difference between batches where prompts differ in length', async () => {
    const prompts = ['--weights', checkpoint, '--prompt', 'a fluffy owl', 'rain', '', '--guidance', '2']
    await sample(vis, 'batch1', ...prompts, '--batch', '1')
    await sample(vis, 'batch3', ...prompts, '--batch', '3')
    for (const name of ['0000.png', '0001.png', '0002.png'])
      expect(await largestDifference(['batch1', name], ['batch3', name])).toBeLessThanOrEqual(1)
  })

  it('computes alike on the other engine', async () => {
    await visible('reference', '--engine', 'reference')
    expect(await largestDifference(['vis', '0000.png'], ['reference', '0000.png'])).toBeLessThanOrEqual(1)
  })

  it('gives the same pictures from compiled files', async () => {
    await succeed(['compile', vis, '--weights', checkpoint, '--split', '-o', folder.at('vis-files')])
    await sample(folder.at('vis-files'), 'from-files', ...prompt)
    expect(await largestDifference(['vis', '0000.png'], ['from-files', '0000.png'])).toBeLessThanOrEqual(1)
  })
})

describe('a video', () => {
  it.each(['.webp', '.gif'])('is an animation: %s', async (ending) => {
    const to = `video${ending}`
    await sample(video, to, ...fresh, '--count', '2', '--video', ending, '--resolutions')
    expect(filesIn(to)).toEqual(
      ['0000-resolutions', '0000', '0001-resolutions', '0001', 'grid'].map((name) => name + ending).sort(),
    )
    expect(await pixels(to, `0001${ending}`)).toMatchObject({ pages: 4, width: 16, height: 16 })
    expect(await pixels(to, `0001-resolutions${ending}`)).toMatchObject({ pages: 4, width: 34, height: 16 })
    expect(await pixels(to, `grid${ending}`)).toMatchObject({ pages: 4, width: 34, height: 16 })
  })

  // Elsewhere the path to programs has another name, and ffmpeg may lie beside Node.
  it.runIf(process.platform === 'linux')('as MP4 needs ffmpeg', async () => {
    const given = ['sample', video, ...fresh, '--steps', '1', '--video', '.mp4', '-o', folder.at('mp4')]
    const { code, out, err } = await mdmc(given, { env: { PATH: folder.path } })
    expect(err).toMatch(/^error: MP4 is written by the program ffmpeg, which does not run here[^]*install ffmpeg/)
    expect({ code, out }).toEqual({ code: 3, out: '' })
    expect(existsSync(folder.at('mp4'))).toBe(false)
  })
})

describe('refused before anything is done', () => {
  beforeAll(async () => {
    await succeed(['compile', tiny, '-o', folder.at('files')])
    await succeed(['compile', tiny, '--no-weights', '-o', folder.at('structure')])
  })

  const refusals: readonly (readonly [string, string, string, readonly string[]])[] = [
    ['guidance without a condition', 'MDM0801', tiny, [...fresh, '--guidance', '2']],
    ['a prompt for a model of labels', 'MDM0802', labels, [...fresh, '--prompt', 'a cat']],
    ['a negative prompt for a model of labels', 'MDM0802', labels, [...fresh, '--negative', 'x', '--guidance', '2']],
    ['a label for a model of text', 'MDM0802', nested, [...fresh, ...hash, '--label', '3']],
    ['a prompt for a model without condition', 'MDM0802', tiny, [...fresh, '--prompt', 'a cat']],
    ['a label for a model without condition', 'MDM0802', tiny, [...fresh, '--label', '3']],
    ['steps beyond the schedule', 'MDM0803', tiny, [...fresh, '--steps', '1001']],
    ['a side that the model does not have', 'MDM0804', nested, [...fresh, ...hash, '--until', '8']],
    ['no weights', 'MDM0805', tiny, []],
    ['a negative prompt without guidance', 'MDM0806', vis, [...fresh, '--negative', 'x']],
    ['a folder without weights', 'MDM0807', 'structure', []],
    ['noise of a method that has none', 'MDM0236', tiny, [...fresh, '--eta', '0.5']],
    ['an encoder for a model without text', 'MDM0236', tiny, [...fresh, ...hash]],
    ['weights for a compiled folder', 'MDM0808', 'files', ['--weights', checkpoint]],
    ['several mistakes at once', 'MDM0803', tiny, [...fresh, '--steps', '2000', '--guidance', '3', '--until', '8']],
    ['an encoder that is not there', 'MDM0701', nested, [...fresh, '--encoder', 'hsah']],
    ['no encoder', 'MDM0702', nested, [...fresh, '--prompt', 'a cat']],
    ['a class that is not there', 'MDM0713', labels, [...fresh, '--label', 'bird', 'cta', '10']],
    ['weights of another spec', 'MDM0513', labels, ['--weights', checkpoint]],
    ['weights that are not there', 'MDM0501', tiny, ['--weights', 'missing.pth']],
  ]

  it('every diagnostic about samples occurs', () => {
    const occurring = new Set(refusals.map(([, code]) => code))
    expect(Object.values(aboutSamples).filter(({ code }) => !occurring.has(code))).toEqual([])
  })

  it.each(refusals)('%s', async (_, code, model, options) => {
    const path = model.includes('.') ? model : folder.at(model)
    const ended = await mdmc(['sample', path, ...options, '-o', folder.at('refused')])
    expect({ code: ended.code, out: ended.out }).toEqual({ code: 1, out: '' })
    expect(ended.err).toContain(`error ${code}`)
    expect(ended.err.replaceAll(folder.path, '...').replaceAll('\\', '/')).toMatchSnapshot()
    expect(existsSync(folder.at('refused'))).toBe(false)
  })

  it.each([
    ['denoiser.onnx', 'cannot be loaded'],
    ['manifest.json', 'not a manifest'],
  ])('a folder whose %s is damaged', async (name, said) => {
    cpSync(folder.at('files'), folder.at('damaged'), { recursive: true })
    writeFileSync(folder.at('damaged', name), '{"format": "mdmc manifest 1", "files": {}}')
    const { code, err } = await mdmc(['sample', folder.at('damaged'), '-o', folder.at('refused-files')])
    expect(err).toContain('error MDM0807')
    expect(err).toContain(said)
    expect(code).toBe(1)
  })

  it('what cannot be written ends with code 3', async () => {
    const { code, out, err } = await mdmc(['sample', tiny, ...fresh, '--steps', '1', '-o', vis])
    expect(err).toContain('there is something else of this name')
    expect({ code, out }).toEqual({ code: 3, out: '' })
  })

  it.each<[string, readonly string[], RegExp]>([
    ['a trajectory of another format', ['--trajectory', folder.at('t.png')], /does not end like an animation/],
    ['a device that the engine does not have', ['--device', 'abacus'], /has no device abacus/],
    ['a method that is not there', ['--method', 'euler'], /ddpm, ddim, dpm/],
    ['no steps', ['--steps', '0'], /must be a whole number from 1/],
  ])('%s', async (_, options, said) => {
    const { code, err } = await mdmc(['sample', tiny, ...fresh, ...options, '-o', folder.at('refused')])
    expect(err).toMatch(said)
    expect([2, 3]).toContain(code)
    expect(existsSync(folder.at('refused'))).toBe(false)
  })
})
