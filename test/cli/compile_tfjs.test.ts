/** `mdmc compile --target tfjs`: what the folder holds, and that it does what mdmc does itself. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
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
  const entries = parameters.map(({ name, shape }) => ({ name, dtype: 'F32' as const, shape }))
  const weights = folder.at('rule.safetensors')
  await writeSafetensors(weights, entries, ({ name }) => ruleWeights(parameters).read(name), noReport)
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
    const request = ['--prompt', ...prompts.slice(0, 2), '--seed', '7', '--steps', '3', '--resolutions', '--json']
    const ended = await succeed(['sample', spec, '--weights', weights, ...request, '-o', folder.at(`png-${which}`)])
    const { files } = json(ended) as { readonly files: readonly string[] }
    expect(files.length).toBeGreaterThan(0)
    console.log(files)
  })

  it('loads what it saved', () => {
    expect(result.loaded).toEqual(result.after.weights)
    expect(result.after.average).not.toEqual(result.after.weights)
  })
})
