/** `mdmc compile`: what it writes under each option, and that the files run. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import protocol from 'onnx-proto'
import { beforeAll, describe, expect, it } from 'vitest'
import { SoundFiles } from '../onnx/support.js'
import { Folder, json, mdmc, succeed } from './run.js'
import { inputsFor, readManifest, relativeError, runFile, type Tensors } from './session.js'

const folder = new Folder()
const sound = new SoundFiles()
const tiny = 'examples/tiny.mdm'
const nested = 'examples/nested.mdm'
const decode = (path: string) => protocol.onnx.ModelProto.decode(readFileSync(path))

async function run(to: string, file = 'denoiser.onnx'): Promise<Tensors> {
  const ports = readManifest(folder.at(to)).files.find(({ path }) => path === file)?.inputs ?? []
  return runFile(folder.at(to, file), inputsFor(ports))
}

describe('as it stands', () => {
  beforeAll(() => succeed(['compile', nested, '-o', folder.at('plain')]))

  it('writes a model and its manifest', () => {
    expect(readdirSync(folder.at('plain')).sort()).toEqual(['denoiser.onnx', 'manifest.json'])
    sound.add(folder.at('plain', 'denoiser.onnx'))
  })

  it('in operator set 17, format version 8', () => {
    const file = decode(folder.at('plain', 'denoiser.onnx'))
    expect(Number(file.irVersion)).toBe(8)
    expect(file.opsetImport.map(({ version }) => Number(version))).toEqual([17])
    expect(file.producerName).toBe('mdmc')
  })

  it('tells a deployer all there is to know', () => {
    const manifest = readManifest(folder.at('plain'))
    expect(manifest).toMatchObject({
      format: 'mdmc manifest 1',
      model: 'SmallOfTwo',
      opset: 17,
      weights: 'fresh weights, seed 0',
      condition: { kind: 'text', width: 512, project: 128, layers: 1 },
      diffusion: { steps: 1000, schedule: { kind: 'cosine' }, predict: 'v', shifted: true },
      sampling: { method: 'ddpm', steps: 250, guidance: 1.5, threshold: { kind: 'dynamic', quantile: 0.995 } },
      resolutions: [
        { name: '32', side: 32, frames: 1, input: 'x_32', prediction: 'pred_32' },
        { name: '16', side: 16, frames: 1, input: 'x_16', prediction: 'pred_16' },
      ],
    })
    expect(manifest.specHash).toMatch(/^[0-9a-f]{64}$/)
    expect(manifest.files.length).toBe(1)
    expect(manifest.files[0]).toMatchObject({
      role: 'denoiser',
      path: 'denoiser.onnx',
      external: [],
      inputs: [
        { name: 'x_32', type: 'float32', shape: ['batch', 3, 32, 32] },
        { name: 'x_16', type: 'float32', shape: ['batch', 3, 16, 16] },
        { name: 'times', type: 'float32', shape: ['batch'] },
        { name: 'text', type: 'float32', shape: ['batch', 'tokens', 512] },
        { name: 'text_mask', type: 'float32', shape: ['batch', 'tokens'] },
      ],
      outputs: [
        { name: 'pred_32', type: 'float32', shape: ['batch', 3, 32, 32] },
        { name: 'pred_16', type: 'float32', shape: ['batch', 3, 16, 16] },
      ],
    })
  })

  it('runs, and says nothing while the weights are fresh', async () => {
    const { pred_32: outer, pred_16: inner } = await run('plain')
    expect(outer?.shape).toEqual([2, 3, 32, 32])
    expect(inner?.shape).toEqual([2, 3, 16, 16])
    // The last convolution starts as zeros.
    expect(Math.max(...(outer?.data ?? []))).toBe(0)
  })
})

describe.each([
  ['examples/labels.mdm', ['x_32', 'times', 'label'], 'int64'],
  ['examples/video.mdm', ['x_t4_16', 'x_16', 'times'], 'float32'],
  ['examples/dit.mdm', ['x_32', 'times', 'label'], 'int64'],
  ['examples/my_block.mdm', ['x_16', 'times'], 'float32'],
])('%s', (path, names, last) => {
  it('compiles and runs', async () => {
    const to = path.replaceAll(/\W/g, '_')
    await succeed(['compile', path, '-o', folder.at(to)])
    const inputs = readManifest(folder.at(to)).files[0]?.inputs ?? []
    expect(inputs.map(({ name }) => name)).toEqual(names)
    expect(inputs.at(-1)?.type).toBe(last)
    sound.add(folder.at(to, 'denoiser.onnx'))
    for (const { data } of Object.values(await run(to))) expect(data.every(Number.isFinite)).toBe(true)
  })
})

it.each([17, 18, 19, 20, 21, 22])('--opset %i', async (opset) => {
  const to = `opset${opset}`
  await succeed(['compile', 'examples/video.mdm', '--opset', String(opset), '-o', folder.at(to)])
  expect(decode(folder.at(to, 'denoiser.onnx')).opsetImport.map(({ version }) => Number(version))).toEqual([opset])
  expect(readManifest(folder.at(to)).opset).toBe(opset)
  sound.add(folder.at(to, 'denoiser.onnx'))
})

it('--no-weights writes the structure alone', async () => {
  const ended = await succeed(['compile', 'models/S64.mdm', '--no-weights', '-o', folder.at('structure'), '--json'])
  expect(json(ended)).toMatchObject({ model: 'S64', weightBytes: 0 })
  expect(statSync(folder.at('structure', 'denoiser.onnx')).size).toBeLessThan(2 ** 20)
  expect(existsSync(folder.at('structure', 'denoiser.onnx.data'))).toBe(false)
  expect(readManifest(folder.at('structure')).weights).toBe('none')
})

describe('--seed', () => {
  const bytes = async (seed: string, to: string) => {
    await succeed(['compile', tiny, '--seed', seed, '-o', folder.at(to)])
    return readFileSync(folder.at(to, 'denoiser.onnx'))
  }
  it('gives the same file again, and another seed another one', async () => {
    const first = await bytes('7', 'seed7')
    expect((await bytes('7', 'again')).equals(first)).toBe(true)
    expect((await bytes('8', 'seed8')).equals(first)).toBe(false)
  })
})

it('--with-sampler writes the loop too, from noise to images', async () => {
  await succeed(['compile', nested, '--with-sampler', '-o', folder.at('sampler')])
  expect(readdirSync(folder.at('sampler')).sort()).toEqual(['denoiser.onnx', 'manifest.json', 'sampler.onnx'])
  sound.add(folder.at('sampler', 'sampler.onnx'))
  const { files } = readManifest(folder.at('sampler'))
  const sampler = files.find(({ role }) => role === 'sampler')
  expect(sampler).toMatchObject({ path: 'sampler.onnx', external: [] })
  expect(sampler?.inputs).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ name: 'x_32', shape: ['batch', 3, 32, 32] }),
      expect.objectContaining({ name: 'noise_16', shape: ['steps', 'batch', 3, 16, 16] }),
      expect.objectContaining({ name: 'guidance', shape: [], default: 1.5 }),
      expect.objectContaining({ name: 'steps', type: 'int64', shape: [], default: 250 }),
    ]),
  )
  expect(sampler?.outputs).toMatchObject([
    { name: 'image_32', shape: ['batch', 3, 32, 32] },
    { name: 'image_16', shape: ['batch', 3, 16, 16] },
  ])
})

describe('--train', () => {
  const gradientsOf = (names: readonly string[]) => names.filter((name) => name.startsWith('gradient.')).length

  it('writes loss and gradients too, from images and parameters', async () => {
    await succeed(['compile', nested, '--train', '-o', folder.at('training')])
    sound.add(folder.at('training', 'training.onnx'))
    const { files, parameters } = readManifest(folder.at('training'))
    const training = files.find(({ role }) => role === 'training')
    expect(training?.outputs.slice(0, 4).map(({ name }) => name)).toEqual(['loss', 'losses', 'loss_32', 'loss_16'])
    expect(gradientsOf(training?.outputs.map(({ name }) => name) ?? [])).toBe(parameters.length)
    expect(training?.inputs.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'images',
        'times',
        'noise_32',
        'text',
        ...parameters.slice(0, 3).map(({ name }) => name),
      ]),
    )
    const outputs = await runFile(folder.at('training', 'training.onnx'), inputsFor(training?.inputs ?? []))
    expect(outputs.loss?.shape).toEqual([])
    expect(outputs['gradient.conv_in.weight']?.data.every(Number.isFinite)).toBe(true)
  })
  beforeAll(() => succeed(['compile', tiny, '--train', '-o', folder.at('plain')]), 60_000)
  it.each(['block', 'level'])('--recompute %s gives the same numbers', async (recompute) => {
    await succeed(['compile', tiny, '--train', '--recompute', recompute, '-o', folder.at(recompute)])
    const inputs = inputsFor(readManifest(folder.at(recompute)).files[1]?.inputs ?? [])
    const [plain, again] = await Promise.all(
      ['plain', recompute].map((to) => runFile(folder.at(to, 'training.onnx'), inputs)),
    )
    expect(relativeError(again?.loss, plain?.loss)).toBeLessThan(1e-6)
    const name = 'gradient.conv_in.weight'
    expect(relativeError(again?.[name], plain?.[name])).toBeLessThan(1e-5)
  })
  it('scales the loss in float16', async () => {
    await succeed(['compile', tiny, '--train', '--precision', 'fp16', '-o', folder.at('half-training')])
    sound.add(folder.at('half-training', 'training.onnx'))
    const { inputs = [] } = readManifest(folder.at('half-training')).files[1] ?? {}
    expect(inputs).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'loss_scale', shape: [] })]))
  })
  it('is what --recompute is for', async () => {
    const { code, err } = await mdmc(['compile', nested, '--recompute', 'level'])
    expect(code).toBe(2)
    expect(err).toContain('--recompute is for --train')
  })
})

it('--mixed-batch lets the high resolution have fewer rows', async () => {
  await succeed(['compile', nested, '--mixed-batch', '-o', folder.at('mixed')])
  const path = folder.at('mixed', 'denoiser.onnx')
  sound.add(path)
  const inputs = inputsFor(readManifest(folder.at('mixed')).files[0]?.inputs ?? [])
  expect(inputs.x_32?.shape[0]).toBe(1)
  const { pred_32: outer, pred_16: inner } = await runFile(path, inputs)
  expect([outer?.shape[0], inner?.shape[0]]).toEqual([1, 2])
})

it('says that there is nothing to split where there is no condition', async () => {
  const { err } = await succeed(['compile', tiny, '--split', '-o', folder.at('unconditional')])
  expect(err).toContain('Tiny has no condition, so there is nothing to split off')
  expect(readdirSync(folder.at('unconditional')).sort()).toEqual(['denoiser.onnx', 'manifest.json'])
})

it('writes to out/MODEL where nothing is said', async () => {
  folder.copy('examples/my_block.mdm', 'mine.mdm')
  const { out } = await succeed(['compile', 'mine.mdm', '--model', 'WithSqueeze'], { cwd: folder.path })
  expect(out).toBe('out/WithSqueeze/denoiser.onnx\nout/WithSqueeze/manifest.json\n')
  expect(existsSync(folder.at('out', 'WithSqueeze', 'manifest.json'))).toBe(true)
})

it('leaves nothing half-written behind', async () => {
  const { code } = await mdmc(['compile', tiny, '--weights', 'test/fixtures/vis_model.pth', '-o', folder.at('failed')])
  expect(code).toBe(1)
  expect(existsSync(folder.at('failed'))).toBe(false)
})

describe('--target torch', () => {
  it('writes a package with its weights, which --weights takes', async () => {
    const written = folder.at('torch')
    const { out } = await succeed(['compile', nested, '--target', 'torch', '-o', written])
    const expected = ['smalloftwo/model.py', 'smalloftwo/plan.py', 'smalloftwo/training.py', 'train.py', 'train.slurm']
    const listed = out.trim().split('\n')
    expect(listed).toEqual(
      expect.arrayContaining([...expected, 'weights.safetensors'].map((name) => join(written, name))),
    )
    expect(listed.filter((path) => !existsSync(path))).toEqual([])
    const weights = join(written, 'weights.safetensors')
    await succeed(['compile', nested, '--weights', weights, '-o', folder.at('from-torch')])
  })

  it('has no use for options of ONNX files', async () => {
    for (const option of ['--split', '--train', '--with-sampler', '--mixed-batch']) {
      const { code, err } = await mdmc(['compile', tiny, '--target', 'torch', option])
      expect(code).toBe(2)
      expect(err).toContain(`${option} is for --target onnx`)
    }
  })
})

it('the files load silently and pass the ONNX checker', () => sound.expectSound())
