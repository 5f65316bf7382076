/** Training by generated packages: with one process and several, broken off and taken up again, and what comes of it. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import { buildDenoiser, microDefaults } from '../../compiler/build/denoiser.js'
import { resolutionName } from '../../compiler/build/nest.js'
import { processOf } from '../../compiler/build/schedule.js'
import { partsOf, type Model } from '../../compiler/check/model.js'
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'
import { fillNormal } from '../../runtime/random/philox.js'
import { Sampler } from '../../runtime/sample/loop.js'
import { networkOfModel } from '../../runtime/sample/network.js'
import { drawNoise } from '../../runtime/sample/noise.js'
import { pythonProgram } from '../../runtime/torch/process.js'
import { ruleWeights } from '../../runtime/weights/rule.js'
import { writeSafetensors } from '../../runtime/weights/write-safetensors.js'
import { modelOf } from '../sampling/models.js'
import { noReport } from '../shipped.js'
import { opened } from '../weights/support.js'
import { hasTraining } from './found.js'
import { progressive } from './models.js'
import { metricsOf, outputOf, twoProcesses, writtenPackage } from './run.js'

const folder = mkdtempSync(join(tmpdir(), 'mdmc-training-'))
let running: ChildProcessWithoutNullStreams | undefined
afterAll(() => {
  running?.kill()
  rmSync(folder, { recursive: true, force: true })
})
const at = (name: string) => join(folder, name)
const env = { ...process.env, OMP_NUM_THREADS: '1' }

/** What no section `train` says: classes, one resolution. */
const plain = `
model Plain {
  groups 4
  embedding 32
  condition label { classes 3 }
  level 8 { channels 16  blocks 1 }
  level 4 { channels 16  blocks 1 }
}
sample Plain { method ddim  steps 2 }
`

/** What is nested stays as it is; no average; frames. */
const clip = `
model Frame { groups 4  embedding 32  level 8 { channels 16  blocks 1 } }
model Clip nests Frame {
  groups 4
  level 8 { frames 4  channels 32  blocks 1  temporal_attention 1 }
  level 8 { frames 2  channels 16  blocks 1 }
  level 8 { frames 1  channels 16  blocks 1 }
}
train Clip {
  optimizer adam { rate 1e-3  decay cosine }
  phase Clip { steps 2  batch 4  freeze nested }
}
sample Clip { steps 2 }
`

/** Options of a run, or what is sampled; what names a file or folder is of this test's folder. */
type Item = Readonly<Record<string, unknown>>
const paths = ['package', 'data', 'out', 'weights', 'noise', 'pictures']

/** One after the other, in one process. */
function train(items: readonly Item[]): void {
  python(['test/torch/train_runs.py', JSON.stringify(items.map(located))])
}

function located(item: Item): Item {
  return Object.fromEntries(
    Object.entries(item).map(([key, value]) => [key, paths.includes(key) ? at(String(value)) : value]),
  )
}

/** The same by two processes, of which one is killed as soon as there is a certain file. */
async function trainAndKill(file: string, items: readonly Item[]): Promise<void> {
  const given = ['test/torch/train_runs.py', JSON.stringify(items.map(located))]
  const child = spawn(pythonProgram(), [...twoProcesses, ...given], { env })
  running = child
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  while (!existsSync(at(file)) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(existsSync(at(file)), said).toBe(true)
  process.kill(Number(/rank 1 is process (\d+)/.exec(said)?.[1]), 'SIGKILL')
  expect(await ended).not.toBe(0)
}

function python(given: readonly string[]): string {
  return outputOf(pythonProgram(), given, { env })
}

const metrics = (run: string) => metricsOf(at(run))

/** Largest difference of two runs' weights and averages, and of their losses. */
async function difference(a: string, b: string): Promise<number> {
  let most = 0
  for (const file of ['weights', 'average'].filter((name) => existsSync(at(`${a}/${name}.safetensors`)))) {
    const [x, y] = [await opened(at(`${a}/${file}.safetensors`)), await opened(at(`${b}/${file}.safetensors`))]
    expect(y.entries.map(({ name }) => name)).toEqual(x.entries.map(({ name }) => name))
    for (const { name } of x.entries) {
      const [left, right] = [await x.read(name), await y.read(name)]
      left.forEach((value, i) => {
        const off = Math.abs(value - (right[i] ?? NaN))
        if (!(off <= most)) most = off
      })
    }
    await x.close()
    await y.close()
  }
  const [left, right] = [metrics(a), metrics(b)]
  expect(right.map(({ step, skipped }) => [step, skipped])).toEqual(left.map(({ step, skipped }) => [step, skipped]))
  left.forEach((line, i) => {
    for (const name of ['loss', 'loss/16', 'loss/8', 'gradient_norm', 'learning_rate'])
      if (typeof line[name] === 'number') most = Math.max(most, Math.abs(line[name] - Number(right[i]?.[name])))
  })
  return most
}

describe.skipIf(!hasTraining)('training', () => {
  beforeAll(async () => {
    await Promise.all([
      writtenPackage(progressive, at('tiny')),
      writtenPackage(plain, at('plain')),
      writtenPackage(clip, at('clip')),
    ])
    python(['test/torch/write_data.py', at('texts'), '16', '1', '9,10,9,11', 'text', '17'])
    python(['test/torch/write_data.py', at('labels'), '16', '1', '8,8,8', 'label', '-1'])
    python(['test/torch/write_data.py', at('videos'), '8', '4', '8', 'none', '-1'])
    await writeTensors('start.safetensors', await ruleTensors(modelOf(clip)))
    await writeTensors('noise.safetensors', Object.fromEntries([...noiseOf(tinyModel), ...Object.entries(conditions)]))
    const many = { package: 'plain', data: 'labels', steps: 4 }
    train([
      { package: 'tiny', data: 'texts', out: 'one', sample_every: 20, sample_steps: 2 },
      { ...many, out: 'large', batch: 8, sample_every: 4 },
      { ...many, out: 'accumulated', batch: 4, accumulate: 2 },
      { package: 'clip', data: 'videos', out: 'video', weights: 'start.safetensors', sample_every: 2 },
      {
        package: 'tiny',
        weights: 'one/average.safetensors',
        noise: 'noise.safetensors',
        pictures: 'pictures.safetensors',
      },
    ])
    const run = { package: 'tiny', data: 'texts' }
    await trainAndKill('killed/checkpoints/step-00000004', [
      { ...run, out: 'ddp' },
      { ...run, out: 'fsdp', strategy: 'fsdp', sample_every: 20, sample_steps: 2 },
      ...['ddp', 'fsdp'].map((strategy) => ({
        ...run,
        out: `${strategy}_bf16`,
        strategy,
        precision: 'bf16',
        steps: 2,
      })),
      { ...run, out: 'killed', save_every: 4 },
    ])
    expect(existsSync(at('killed/weights.safetensors'))).toBe(false)
  }, 300_000)

  it('takes every step of every phase, and leaves what is not finite', () => {
    const lines = metrics('one')
    expect(lines.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect(lines.at(-1)).toMatchObject({ images: 160, learning_rate: 1e-3 })
    // One example of 39 is not finite, where its condition is not dropped; each is seen four times.
    const skipped = Number(lines.at(-1)?.skipped)
    expect(skipped).toBeGreaterThanOrEqual(2)
    expect(lines.filter(({ loss }) => loss === undefined)).toHaveLength(skipped)
    const nested = lines.filter((line) => 'loss/16' in line)
    expect(nested.length).toBeGreaterThan(5)
    expect(nested.every(({ step }) => step > 8)).toBe(true)
    expect(readdirSync(at('one/checkpoints'))).toEqual(['step-00000008', 'step-00000020'])
    expect(readdirSync(at('one/samples'))).toEqual(['step-00000008.png', 'step-00000020.png'])
  })

  it('gives the same with gradients of two small batches as with one large', async () => {
    expect(await difference('large', 'accumulated')).toBeLessThan(1e-5)
    expect(existsSync(at('large/samples/step-00000004.png'))).toBe(true)
  })

  it('leaves frozen parts as they are', async () => {
    const [before, after] = [await opened(at('start.safetensors')), await opened(at('video/weights.safetensors'))]
    for (const { name } of after.entries)
      expect((await before.read(name)).join() === (await after.read(name)).join(), name).toBe(
        name.startsWith('inner_unet.'),
      )
    expect(existsSync(at('video/average.safetensors'))).toBe(false)
  })

  it.each(['ddp', 'fsdp'])('gives the same losses and parameters with two processes: %s', async (other) => {
    expect(await difference('one', other)).toBeLessThan(1e-5)
  })

  it('computes the same in bfloat16 with FSDP as with DDP', async () => {
    // To the precision of bfloat16: channels lie elsewhere in memory, so sums are rounded differently.
    expect(await difference('ddp_bf16', 'fsdp_bf16')).toBeLessThan(2 ** -9)
    expect(metrics('ddp_bf16')[1]?.loss).not.toBe(metrics('ddp')[1]?.loss)
  })

  it('goes on with one process where one of two was killed', async () => {
    const options = ['--workers', '1', '--sample-every', '0', '--log-every', '1', '--device', 'cpu', '--resume']
    expect(python([at('tiny/train.py'), at('texts'), '--out', at('killed'), ...options])).toContain('done')
    expect(await difference('one', 'killed')).toBeLessThan(1e-5)
  })

  it('reads every example in an order of its own, the same for any number of processes', () => {
    const said = python(['test/torch/check_data.py', at('tiny'), 'tiny', at('texts')])
    const { refusals, ...found } = JSON.parse(said) as { refusals: string[] }
    expect(found).toEqual({
      epoch: [19, 19],
      distinct: true,
      shuffled: true,
      alike: true,
      'rows of 2': true,
      'rows of 4': true,
      batch: [[8, 3, 16, 16], 'torch.uint8', [8, 12], true],
      padding: true,
      'one length': true,
      smaller: [8, 3, 8, 8],
      lanes: 4,
    })
    expect(refusals.map((text) => text.replaceAll(folder, '.'))).toMatchInlineSnapshot(`
      [
        "batches of 8, 8 images cannot be divided over 3 processes, each with its share of every resolution; use --batch 12",
        "batches of 32 images cannot be divided over 2 processes, each with its share of every resolution; use --batch 34",
        "2 shards cannot be dealt evenly to 2 processes; export the data with a smaller --shard-size",
        "./tiny/nowhere is not a folder that \`mdmc data export\` wrote whole: [Errno 2] No such file or directory: './tiny/nowhere/dataset.json'",
        "./texts/000000.tar has 9 examples, and 8 are listed; export it again",
        "the images have 16 pixels, and 64 are needed; export them again",
        "the examples have 1 frames, and 4 are needed; export others",
        "the data set has text of 12 features, and 99 features are needed; export it again",
        "./tiny/other.safetensors fits neither the model nor one nested in it: conv_in.bias differs, for one",
      ]
    `)
  })

  it('gives weights that sample the same pictures as ONNX in Node', async () => {
    const weights = await opened(at('one/average.safetensors'))
    const { sampling } = tinyModel
    const step = { threshold: sampling.threshold, guided: true }
    const network = await networkOfModel(tinyModel, weights, step, onnx, { device: 'cpu', threads: 1 }, noReport)
    const sampler = new Sampler(processOf(tinyModel), { sampling, seed }, network)
    const { text, mask, empty_text, empty_mask } = conditions
    const condition = { text: stacked(empty_text, text), text_mask: stacked(empty_mask, mask) }
    const images = await sampler.sample({ images: [0, 1], condition, micros: microDefaults(tinyModel) })
    await sampler.dispose()
    const pictures = await opened(at('pictures.safetensors'))
    for (const [r, name] of ['16', '8'].entries()) {
      const [found, expected] = [images.get(name)?.data ?? [], await pictures.read(String(r))]
      expect(found.length).toBe(expected.length)
      let most = 0
      expected.forEach((value, i) => (most = Math.max(most, Math.abs(value - Number(found[i])))))
      expect(most).toBeLessThan(1e-3)
      expect(Math.max(...expected)).toBeGreaterThan(0.1)
    }
  })
})

const tinyModel = modelOf(progressive)
const seed = 3
const random = (...shape: number[]): Tensor => {
  const data = new Float32Array(elementCount(shape))
  fillNormal(data, { seed, name: shape.join() }, 1)
  return { shape, data }
}
/** Two prompts of up to three tokens, and the empty one. */
const conditions = {
  text: random(2, 3, 12),
  mask: { shape: [2, 3], data: Float32Array.of(1, 1, 1, 1, 1, 0) },
  empty_text: random(2, 3, 12),
  empty_mask: { shape: [2, 3], data: Float32Array.of(1, 0, 0, 1, 0, 0) },
}

/** What a sampler draws for two pictures, in the order in which the package draws. */
function noiseOf(model: Model): [string, Tensor][] {
  const steps = ['start' as const, ...Array.from({ length: model.sampling.steps }, (_, i) => i)]
  const draws = steps.flatMap((step) =>
    partsOf(model).map((part) =>
      drawNoise({ seed, resolution: resolutionName(part), step }, [0, 1], [3, part.side, part.side]),
    ),
  )
  return draws.map((tensor, i) => [`noise.${i}`, tensor])
}

function stacked(a: Tensor, b: Tensor): Tensor {
  const [rows = 0, ...rest] = a.shape
  return { shape: [2 * rows, ...rest], data: Float32Array.of(...a.data, ...b.data) }
}

async function ruleTensors(model: Model): Promise<Record<string, Tensor>> {
  const { parameters } = buildDenoiser(model, noReport)
  const weights = ruleWeights(parameters)
  const tensors: Record<string, Tensor> = {}
  for (const { name, shape } of parameters) tensors[name] = { shape, data: await weights.read(name) }
  return tensors
}

async function writeTensors(name: string, tensors: Readonly<Record<string, Tensor>>): Promise<void> {
  const entries = Object.entries(tensors).map(([key, { shape }]) => ({ name: key, dtype: 'F32' as const, shape }))
  await writeSafetensors(at(name), entries, (entry) => Float32Array.from(tensors[entry.name]?.data ?? []), noReport)
}
