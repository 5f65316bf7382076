/** `mdmc compile --target tfjs`: what the folder holds, and that it does what mdmc does itself. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import prettier from 'prettier'
import sharp from 'sharp'
import ts from 'typescript'
import { beforeAll, describe, expect, it } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import { buildDenoiser } from '../../compiler/build/denoiser.js'
import { processOf } from '../../compiler/build/schedule.js'
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'
import type { Loader } from '../../runtime/data/loader.js'
import { Sampler } from '../../runtime/sample/loop.js'
import { networkOfModel } from '../../runtime/sample/network.js'
import { hashEncoder } from '../../runtime/text/hash.js'
import { phasesOf } from '../../runtime/train/phases.js'
import { Trainer, type StepResult } from '../../runtime/train/trainer.js'
import { ruleWeights } from '../../runtime/weights/rule.js'
import { writeSafetensors } from '../../runtime/weights/write-safetensors.js'
import { modelOf, noReport } from '../shipped.js'
import { Folder, json, mdmc, succeed } from './run.js'
import { inputsFor, readManifest, relativeError, runFile } from './session.js'
import { installTfjs } from './tfjs/module.js'

const folder = new Folder()

const spec = folder.write(
  'small.mdm',
  `model Inner {
  embedding 64
  groups 8
  dropout 0.1
  condition text { width 16  layers 1  encoder "hash" }

  level 8 { channels 16  blocks 1 }
  level 4 { channels 32  blocks 1  attention 1 }
}

model Outer nests Inner {
  groups 8

  level 16 { channels 8  blocks 1 }
  level 8 { channels 16  blocks 1 }

  diffusion { schedule cosine shifted }
}

train Outer {
  optimizer adamw { rate 1e-3  warmup 3  clip 1  weight_decay 0.01 }
  average 0.9
  condition_dropout 20%
  accumulate 2
  phase Inner { steps 6  batch 4 }
  phase Outer { steps 10  batch 3  mix 1:1 }
}

sample Outer { method ddpm  steps 4  guidance 2 }
`,
)
const model = modelOf(spec)
const { parameters } = buildDenoiser(model, noReport)
const prompts = ['a red apple', 'a green pear, half eaten', 'an old boat', 'nothing at all', 'two cats', 'rain']
const steps = 10

const waves = (shape: readonly number[], phase: number): Tensor => ({
  shape,
  data: Float32Array.from({ length: elementCount(shape) }, (_, i) => Math.sin(phase + 12.9898 * i)),
})
const images = waves([6, 3, 16, 16], 0)
const encoder = hashEncoder(16, noReport)

interface Result {
  readonly description: unknown
  readonly shown: unknown
  readonly before: { readonly predictions: Record<string, Tensor>; readonly samples: Record<string, Tensor> }
  readonly errors: Readonly<Record<string, string>>
  readonly results: readonly (StepResult & { readonly loss: number; readonly step: number })[]
  readonly memory: readonly string[]
  readonly losses: readonly { readonly loss: number; readonly losses: Readonly<Record<string, number>> }[]
  readonly after: { readonly weights: Record<string, Tensor>; readonly average: Record<string, Tensor> }
  readonly loaded: Record<string, Tensor>
  readonly left: number
}

let result: Result
let inputs: Readonly<Record<string, Tensor>>

beforeAll(async () => {
  const rule = ruleWeights(parameters)
  const weights = folder.at('rule.safetensors')
  await writeSafetensors(weights, rule.entries, ({ name }) => rule.read(name), noReport)
  await succeed(['compile', spec, '--weights', weights, '-o', folder.at('onnx')])
  await succeed(['compile', spec, '--target', 'tfjs', '--weights', weights, '-o', folder.at('module')])
  installTfjs(folder)
  folder.copy('test/cli/tfjs/user.mjs', 'user.mjs')
  const own = inputsFor(readManifest(folder.at('onnx')).files[0]?.inputs ?? [])
  inputs = Object.fromEntries(Object.entries(own).filter(([name]) => !name.startsWith('text')))
  const saved = { weights: folder.at('weights.safetensors'), average: folder.at('average.safetensors') }
  const plain = ({ shape, data }: Tensor) => ({ shape, data: Array.from(data) })
  const given = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, plain(tensor)]))
  const request = {
    inputs: given,
    prompts: prompts.slice(0, 2),
    captions: prompts,
    images: plain(images),
    steps,
    saved,
  }
  folder.write('request.json', JSON.stringify(request))
  const words = ['user.mjs', 'module/index.js', 'request.json', 'result.json']
  execFileSync(process.execPath, words, { cwd: folder.path, stdio: ['ignore', 'ignore', 'inherit'] })
  result = JSON.parse(readFileSync(folder.at('result.json'), 'utf8')) as Result
}, 300_000)

const closest = (found: Record<string, Tensor>, expected: ReadonlyMap<string, Tensor>) =>
  Math.max(...Array.from(expected, ([name, tensor]) => relativeError(found[name], tensor)))

/** The prompts of the request as mdmc encodes them. */
const encoded = async (words: readonly string[]) => {
  const found = await encoder.encode(words)
  return { text: found?.text ?? waves([], 0), text_mask: found?.mask ?? waves([], 0) }
}

describe('the folder', () => {
  const read = (name: string) => readFileSync(folder.at('module', name), 'utf8')

  it('has these files, written as prettier would', async () => {
    expect(readdirSync(folder.at('module')).sort()).toMatchSnapshot()
    for (const name of ['package.json', 'index.js', 'index.d.ts', 'parameters.js']) {
      if (name !== 'parameters.js') expect(read(name)).toMatchSnapshot(name)
      const options = await prettier.resolveConfig('index.ts')
      expect(await prettier.format(read(name), { ...options, filepath: name })).toBe(read(name))
    }
  })

  it('has a function for each block, in the words of the model', () => {
    const functions = (name: string) => read(name).match(/^(async )?function \w+/gm)
    expect(functions('network.js')).toMatchSnapshot('network.js')
    expect(functions('training.js')).toMatchSnapshot('training.js')
    const block = /\/\*\*\n \* down_blocks\.0\.resnets\.0\n[^]*?\n}\n/.exec(read('network.js'))
    expect(block?.[0]).toMatchSnapshot('a block')
  })

  it('has types that hold its user to them', () => {
    const user = folder.write(
      'user.ts',
      `import * as tf from '@tensorflow/tfjs-core'
import { description, encodeText, load, type Images } from './module/index.js'
const model = await load()
const text = encodeText(['a'])
const images: Images = await model.sample({ ...text, seed: 1, onStep: ({ clean }) => console.log(clean['16'].length) })
const { loss } = await model.trainStep({ images: images['16'], ...text }, { noise_16: images['16'] })
const shape: [number, number, number, number] = images['8'].shape
// @ts-expect-error there is no such resolution
images['32']
// @ts-expect-error a batch has images
await model.loss(text)
console.log(loss * 2, shape, description.resolutions[0]?.side, tf.memory())
`,
    )
    const host = ts.createProgram([user], {
      ...{ strict: true, noEmit: true, skipLibCheck: true, types: [], lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'] },
      ...{ target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
      moduleResolution: ts.ModuleResolutionKind.Bundler,
    })
    const problems = ts.getPreEmitDiagnostics(host)
    expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([])
  })

  it('says what is wrong with what it is given', () => {
    expect(result.errors).toMatchSnapshot()
  })
})

describe('the network', () => {
  it('predicts what ONNX Runtime does', async () => {
    const expected = await runFile(folder.at('onnx', 'denoiser.onnx'), {
      ...inputs,
      ...(await encoded(prompts.slice(0, 2))),
    })
    expect(Object.keys(expected)).toEqual(['pred_16', 'pred_8'])
    expect(closest(result.before.predictions, new Map(Object.entries(expected)))).toBeLessThan(1e-5)
  })

  it('samples what mdmc does from the same seed', async () => {
    const { threshold } = model.sampling
    const step = { threshold, guided: true }
    const network = await networkOfModel(model, ruleWeights(parameters), step, onnx, { device: 'cpu' }, noReport)
    const sampler = new Sampler(processOf(model), { sampling: { ...model.sampling, steps: 3 }, seed: 7 }, network)
    const condition = await encoded(['', '', ...prompts.slice(0, 2)])
    const expected = await sampler.sample({ images: [0, 1], condition, micros: new Map() })
    await sampler.dispose()
    expect(closest(result.before.samples, expected)).toBeLessThan(1e-4)
    expect(result.shown).toEqual([0, 1, 2].map((number) => [number, 3, ['8', '16']]))
  })
})

/** The steps that mdmc itself takes, with the same images and captions. */
async function trained(): Promise<StepResult[]> {
  const phase = phasesOf(model, {}, noReport)?.[1]
  if (phase === undefined || model.training === undefined) throw new Error('the spec has two phases')
  const settings = { phase, number: 1, training: model.training, seed: 0, recompute: 'none' as const, lossScale: false }
  const weights = ruleWeights(parameters)
  const trainer = await Trainer.prepare(
    settings,
    async (store) => store.fill(weights).then(() => true),
    undefined,
    onnx,
    { device: 'cpu' },
    noReport,
  )
  let batches = 0
  const loader = {
    next: async () => {
      const first = (batches++ % 2) * 3
      const size = images.data.length / 2
      const data = images.data.subarray((first / 3) * size, (first / 3 + 1) * size)
      return { images: { shape: [3, 3, 16, 16], data }, examples: [first, first + 1, first + 2] }
    },
  } as unknown as Loader
  const conditions = (examples: readonly number[], dropped: readonly boolean[]) =>
    encoded(examples.map((example, row) => (dropped[row] === true ? '' : (prompts[example] ?? ''))))
  const found: StepResult[] = []
  for (let step = 0; step < steps; step++) if (trainer) found.push(await trainer.step(step, { loader, conditions }))
  await trainer?.dispose()
  return found
}

describe('training', () => {
  it('takes the steps of mdmc train: the same draws, losses, norms and rates', async () => {
    const expected = await trained()
    expect(result.results.length).toBe(steps)
    for (const [i, { losses, norm, rate, skipped, clipped }] of expected.entries()) {
      const found = result.results[i]
      expect(found).toMatchObject({ rate, skipped, clipped, step: i + 1 })
      expect(Math.abs((found?.loss ?? NaN) / (losses.loss ?? NaN) - 1)).toBeLessThan(1e-4)
      expect(Math.abs((found?.losses['16'] ?? NaN) / (losses['loss/16'] ?? NaN) - 1)).toBeLessThan(1e-4)
      expect(Math.abs((found?.norm ?? NaN) / norm - 1)).toBeLessThan(1e-3)
    }
  })

  it('keeps as many tensors and bytes from step to step, and none at the end', () => {
    expect(result.memory.length).toBe(1)
    expect(result.left).toBe(0)
  })

  it('has a loss of its own, of the same draws each time', () => {
    const [first, second] = result.losses
    expect(first).toEqual(second)
    expect(first?.loss).toBeLessThan(result.results[0]?.loss ?? 0)
  })

  it.each(['weights', 'average'] as const)('saves %s that mdmc samples the same pictures from', async (which) => {
    const weights = folder.at(`${which}.safetensors`)
    const to = folder.at(which)
    const request = ['--prompt', ...prompts.slice(0, 2), '--seed', '7', '--steps', '3', '-o', to]
    await succeed(['sample', spec, '--weights', weights, ...request])
    const { data } = result.after[which]['16'] ?? waves([], 0)
    for (const image of [0, 1]) {
      const pixels = await sharp(join(to, `000${image}.png`))
        .raw()
        .toBuffer()
      // The file has red, green and blue of each pixel together, the tensor one after the other.
      const apart = Array.from(pixels, (level, i) => {
        const value = data[image * 768 + (i % 3) * 256 + Math.floor(i / 3)] ?? NaN
        return Math.abs(level - 127.5 * (value + 1))
      })
      expect(apart.length).toBe(768)
      expect(Math.max(...apart)).toBeLessThanOrEqual(1)
    }
  })

  it('loads what it saved', () => {
    expect(result.loaded).toEqual(result.after.weights)
    expect(result.after.average).not.toEqual(result.after.weights)
  })
})

it('--no-weights leaves it to load() to have some', async () => {
  const ended = await succeed(['compile', spec, '--target', 'tfjs', '--no-weights', '-o', folder.at('bare'), '--json'])
  expect(json(ended)).toMatchObject({ model: 'Outer', weightBytes: 0 })
  expect(readdirSync(folder.at('bare'))).not.toContain('weights.safetensors')
  const script = `import('./bare/index.js').then(({ load }) => load()).catch(({ message }) => console.log(message))`
  const out = execFileSync(process.execPath, ['-e', script], { cwd: folder.path, encoding: 'utf8' })
  expect(out).toContain('Outer was compiled without weights: give load() their address or bytes')
})

it('has no training where the loss is not built for the model', async () => {
  const path = folder.write(
    'single.mdm',
    'model Plain { groups 8  image 2  level 8 { channels 16  blocks 1 }  level 4 { channels 32  blocks 1 } }',
  )
  const { err } = await succeed(['compile', path, '--target', 'tfjs', '-o', folder.at('plain')])
  expect(err).toContain('the module has no loss and no trainStep')
  expect(readdirSync(folder.at('plain'))).not.toContain('training.js')
})

it.each([['--opset', '18'], ['--split'], ['--with-sampler'], ['--train'], ['--precision', 'fp16']])(
  '%s says nothing to a module, and is refused',
  async (...options) => {
    const { code, err } = await mdmc(['compile', spec, '--target', 'tfjs', ...options, '-o', folder.at('refused')])
    expect(code).toBe(2)
    expect(err).toContain(`${options[0]} `)
    expect(err).toContain('leave it out')
  },
)
