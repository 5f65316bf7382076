/** The loop of sampling: what must not matter does not. */
import { describe, expect, it } from 'vitest'
import type { Engine } from '../../backends/engine.js'
import { onnx } from '../../backends/onnx/engine.js'
import { reference } from '../../backends/reference/engine.js'
import { buildDenoiser, microDefaults } from '../../compiler/build/denoiser.js'
import type { Model, Sampling } from '../../compiler/check/model.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { Sampler, type Images } from '../../runtime/sample/loop.js'
import { conditionerOf, imagesOf, settingsOf, type Wishes } from '../../runtime/sample/request.js'
import { networkOfModel } from '../../runtime/sample/network.js'
import { subjectOf } from '../../runtime/sample/subject.js'
import { processOf } from '../../compiler/build/schedule.js'
import { untilSide } from '../../runtime/sample/smaller.js'
import { ruleWeights } from '../../runtime/weights/rule.js'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { modelOf } from './models.js'

const nested = modelOf(`
model Inner {
  condition text { width 16  project 32  encoder hash }
  level 8 { channels 32  blocks 1 }
  level 4 { channels 64  blocks 1  attention 1 }
  middle { attention 1 }
  diffusion { steps 100  schedule cosine }
}
model Outer nests Inner {
  level 16 { channels 32  blocks 1 }
  level 8 { channels 32  blocks 1 }
  diffusion { schedule cosine shifted }
}`)

/** Of few kernels: drivers in software take long to prepare each. */
const light = modelOf(`
model Light {
  condition text { width 16  encoder hash }
  level 8 { channels 32  blocks 1 }
}`)

const prompts = ['a red apple', 'a blue boat on a lake', '']

function fail({ message }: { readonly message: string }): never {
  throw new Error(message)
}

interface Run {
  readonly engine?: Engine
  readonly device?: string
  readonly batch?: number
  readonly changes?: Partial<Sampling>
}

const standard = { steps: 5, seed: 7 }

/** Samples one image per prompt and gives each image's numbers at the highest resolution. */
async function sampled(
  model: Model,
  { engine = onnx, device = 'cpu', batch = 3, changes = {} }: Run,
): Promise<Float32Array[]> {
  const wishes: Wishes = { prompts, labels: [], negative: undefined, encoder: undefined, count: 1 }
  const subject = subjectOf(model, '')
  const sampling = settingsOf(subject, { ...standard, ...changes }, wishes, fail)
  if (sampling === undefined) throw new Error('settings were refused')
  const wanted = imagesOf(wishes)
  const conditions = await conditionerOf(subject, wanted, wishes, sampling.guidance !== 1, fail)
  if (conditions === undefined) throw new Error('conditions were refused')
  const smaller = sampling.until === undefined ? undefined : untilSide(model, sampling.until)
  const whole = ruleWeights(buildDenoiser(model, fail).parameters)
  const of = smaller?.model ?? model
  const step = { threshold: sampling.threshold, guided: sampling.guidance !== 1 }
  const network = await networkOfModel(of, smaller?.weights(whole) ?? whole, step, engine, { device }, fail)
  const sampler = new Sampler(processOf(of), { sampling, seed: sampling.seed ?? 0 }, network)
  const results: Float32Array[] = []
  for (let first = 0; first < wanted.length; first += batch) {
    const images = wanted.slice(first, first + batch)
    const numbers = images.map((_, i) => first + i)
    results.push(
      ...rows(await sampler.sample({ images: numbers, condition: conditions(images), micros: microDefaults(model) })),
    )
  }
  await sampler.dispose()
  return results
}

function rows(images: Images): Float32Array[] {
  const [highest] = images.values()
  if (highest === undefined) return []
  const { shape, data }: Tensor = highest
  const size = data.length / (shape[0] ?? 1)
  return Array.from({ length: shape[0] ?? 0 }, (_, row) =>
    Float32Array.from(data.subarray(row * size, (row + 1) * size)),
  )
}

function distance(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  expect(a.map(({ length }) => length)).toEqual(b.map(({ length }) => length))
  return Math.max(...a.flatMap((image, i) => Array.from(image, (value, j) => Math.abs(value - (b[i]?.[j] ?? NaN)))))
}

describe('the same seed gives the same images', () => {
  for (const method of ['ddpm', 'ddim', 'dpm'] as const) {
    it(`one at a time and all at once, ${method}`, async () => {
      const changes = { method }
      expect(
        distance(await sampled(nested, { changes, batch: 1 }), await sampled(nested, { changes, batch: 3 })),
      ).toBeLessThan(2e-5)
    })
  }

  it('with guidance, on both engines', async () => {
    const changes = { guidance: 2 }
    expect(
      distance(await sampled(nested, { changes, engine: reference }), await sampled(nested, { changes, batch: 2 })),
    ).toBeLessThan(5e-5)
  })

  it.runIf(process.env.VK_ICD_FILENAMES)(
    'on WebGPU',
    async () => {
      const changes = { steps: 2 }
      const onProcessor = await sampled(light, { changes })
      expect(distance(onProcessor, await sampled(light, { changes, device: 'webgpu' }))).toBeLessThan(2e-4)
    },
    300_000,
  )
})

describe('what should matter does', () => {
  it('the seed, the prompt and guidance', async () => {
    const images = await sampled(nested, {})
    expect(distance(images, await sampled(nested, { changes: { seed: 8 } }))).toBeGreaterThan(0.1)
    expect(distance(images, await sampled(nested, { changes: { guidance: 3 } }))).toBeGreaterThan(0.01)
    const [first, second] = images
    expect(first && second && distance([first], [second])).toBeGreaterThan(0.1)
  })

  it('a guidance of nearly 1 is nearly none', async () => {
    expect(
      distance(await sampled(nested, {}), await sampled(nested, { changes: { guidance: 1 + 1e-6 } })),
    ).toBeLessThan(1e-4)
  })
})

describe('until a smaller side', () => {
  it('gives what the nested model gives alone', async () => {
    const [image] = await sampled(nested, { changes: { until: 8 } })
    expect(image).toHaveLength(3 * 8 * 8)
  })
})

describe('requests that cannot be met are refused', () => {
  const plain = modelOf('model Plain { level 8 { channels 32  blocks 1 }  diffusion { steps 50 } }')
  const none: Wishes = { prompts: [], labels: [], negative: undefined, encoder: undefined, count: 1 }
  const codes = (model: Model, changes: Parameters<typeof settingsOf>[1], wishes: Wishes) => {
    const found = new DiagnosticList()
    expect(settingsOf(subjectOf(model, ''), changes, wishes, found.report)).toBeUndefined()
    return found.all.map(({ code }) => code)
  }
  it.each([
    ['guidance without a condition', plain, { guidance: 2 }, none, 'MDM0801'],
    ['a prompt for a model without condition', plain, {}, { ...none, prompts: ['a cat'] }, 'MDM0802'],
    ['labels for a model of text', nested, {}, { ...none, labels: ['3'] }, 'MDM0802'],
    ['steps beyond the schedule', plain, { steps: 51 }, none, 'MDM0803'],
    ['a side that is not there', nested, { until: 32 }, none, 'MDM0804'],
    ['a negative prompt without guidance', nested, {}, { ...none, prompts: ['a cat'], negative: 'blurry' }, 'MDM0806'],
  ] as const)('%s', (_, model, changes, wishes, code) => {
    expect(codes(model, changes, wishes)).toContain(code)
  })
})
