/** A sampler in one file: the images of the step loop, and a graph that ONNX Runtime takes as it takes a network. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import protocol from 'onnx-proto'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import { lowerSampler } from '../../backends/onnx/sampler.js'
import type { OnnxModel } from '../../backends/onnx/model.js'
import { writeModel } from '../../backends/onnx/write.js'
import { resolutionName } from '../../compiler/build/nest.js'
import { buildSamplerStep } from '../../compiler/build/sampler.js'
import { signalScales } from '../../compiler/build/schedule.js'
import { checkFile } from '../../compiler/compile.js'
import { partsOf, type Model } from '../../compiler/check/model.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { processOf } from '../../compiler/build/schedule.js'
import { networkOfModel } from '../../runtime/sample/network.js'
import { Sampler } from '../../runtime/sample/loop.js'
import { drawNoise } from '../../runtime/sample/noise.js'
import { ruleWeights } from '../../runtime/weights/rule.js'
import { memoryHost } from '../host.js'
import { noReport } from '../shipped.js'
import { difference, expectSound, noise, temporaryFolder } from './support.js'

const folder = temporaryFolder()
const [images, tokens, width, seed] = [[4, 7], 3, 16, 5] as const

function model(
  sample: string,
  diffusion = 'schedule cosine shifted',
  condition = 'text { width 16  layers 1 }',
): Model {
  const source = `
    model Inner {
      condition ${condition}
      micro scale 64
      level 8 { channels 32  blocks 1 }
      level 4 { channels 32  blocks 1  attention 1 }
    }
    model Nest nests Inner {
      level 16 { channels 32  blocks 1 }
      level 8 { channels 32  blocks 1 }
      diffusion { ${diffusion} }
    }
    sample Nest { ${sample} }`
  const { models, diagnostics } = checkFile('test.mdm', memoryHost({ 'test.mdm': source }))
  expect(diagnostics.map(({ message }) => message)).toEqual([])
  return models.at(-1) ?? raise()
}

function raise(): never {
  throw new Error('no model')
}

function stepOf(model: Model) {
  const { threshold, guidance } = model.sampling
  return buildSamplerStep(model, noReport, { threshold, guided: guidance !== 1 })
}

const weightsOf = (model: Model) => ruleWeights(stepOf(model).parameters)

async function written(
  model: Model,
  name: string,
  inlineLimit?: number,
): Promise<{ path: string; lowered: OnnxModel }> {
  const path = join(folder, `${name.replaceAll(/\W+/g, '_')}.onnx`)
  const lowered = lowerSampler(model, stepOf(model), { opset: 17, precision: 'float32' })
  await writeModel(lowered, weightsOf(model), path, inlineLimit === undefined ? {} : { inlineLimit })
  return { path, lowered }
}

/** Conditions of the prompt and of the negative prompt. */
function conditions(of: Model): { positive: Record<string, Tensor>; negative: Record<string, Tensor> } {
  const labels = (label: number) => ({ label: { shape: [2], data: Float64Array.of(label, label + 1) } })
  if (of.condition?.kind === 'label') return { positive: labels(1), negative: labels(0) }
  const text = (at: number, seen: number) => ({
    text: noise([2, tokens, width], at),
    text_mask: { shape: [2, tokens], data: Float32Array.from({ length: 6 }, (_, i) => (i % tokens < seen ? 1 : 0)) },
  })
  return { positive: text(1, 3), negative: text(2, 1) }
}

async function byLoop(of: Model, steps: number): Promise<Record<string, Tensor>> {
  const { positive, negative } = conditions(of)
  const sampling = { ...of.sampling, steps }
  const guided = sampling.guidance !== 1
  const step = { threshold: sampling.threshold, guided }
  const network = await networkOfModel(of, weightsOf(of), step, onnx, { device: 'cpu' }, noReport)
  const sampler = new Sampler(processOf(of), { sampling, seed }, network)
  const condition = guided
    ? Object.fromEntries(Object.entries(positive).map(([name, value]) => [name, stacked(negative[name], value)]))
    : positive
  const result = await sampler.sample({ images, condition, micros: new Map([['scale', 48]]) })
  await sampler.dispose()
  return Object.fromEntries([...result].map(([name, image]) => [`image_${name}`, image]))
}

function stacked(a: Tensor | undefined, b: Tensor): Tensor {
  if (a === undefined) throw new Error('no negative condition')
  const data =
    b.data instanceof Float64Array ? Float64Array.of(...a.data, ...b.data) : Float32Array.of(...a.data, ...b.data)
  return { shape: [4, ...b.shape.slice(1)], data }
}

async function byFile(of: Model, path: string, steps: number): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(path)
  const { positive, negative } = conditions(of)
  const inputs: Record<string, Tensor> = { ...positive, micro_scale: { shape: [2], data: Float32Array.of(48, 48) } }
  for (const [name, tensor] of Object.entries(negative)) inputs[`negative_${name}`] = tensor
  inputs.steps = { shape: [], data: Float64Array.of(steps) }
  inputs.guidance = { shape: [], data: Float32Array.of(of.sampling.guidance) }
  for (const part of partsOf(of)) {
    const name = resolutionName(part)
    const draw = (step: 'start' | number) =>
      drawNoise({ seed, resolution: name, step }, images, [3, part.side, part.side])
    inputs[`x_${name}`] = draw('start')
    const drawn = Array.from({ length: steps }, (_, step) => draw(step))
    const data = Float32Array.from(drawn.flatMap((tensor) => [...tensor.data]))
    inputs[`noise_${name}`] = { shape: [steps, ...(drawn[0]?.shape ?? [])], data }
  }
  const feeds = session.inputNames.map((name) => [name, ort(inputs[name])] as const)
  const results = await session.run(Object.fromEntries(feeds))
  await session.release()
  return Object.fromEntries(
    Object.entries(results).map(([name, { dims, data }]) => [name, { shape: dims, data: data as Float32Array }]),
  )
}

function ort(tensor: Tensor | undefined): OrtTensor {
  if (tensor === undefined) throw new Error('an input that the test does not know')
  return tensor.data instanceof Float64Array
    ? new OrtTensor('int64', BigInt64Array.from(tensor.data, BigInt), tensor.shape)
    : new OrtTensor('float32', Float32Array.from(tensor.data), tensor.shape)
}

describe.each([
  ['ddpm'],
  ['ddim'],
  ['ddim  eta 0.5'],
  ['dpm'],
  ['ddpm  guidance 3'],
  ['ddim  guidance 3'],
  ['ddim  eta 0.5  guidance 3'],
  ['dpm  guidance 3  threshold dynamic 0.9'],
  ['dpm  spacing even'],
  ['ddim  spacing quadratic', 'schedule cosine shifted  predict noise'],
  ['ddpm  guidance 2', 'schedule ddpm shifted  predict x0', 'label { classes 5 }'],
  ['dpm', 'schedule deepfloyd  measure noise'],
])('method %s', (sample, diffusion = 'schedule cosine shifted', condition = 'text { width 16  layers 1 }') => {
  const of = model(`method ${sample}`, diffusion, condition)

  it('gives the images of the step loop for any number of steps', async () => {
    const { path } = await written(of, `${sample}${diffusion}`)
    for (const steps of [1, 9]) {
      const [file, loop] = [await byFile(of, path, steps), await byLoop(of, steps)]
      expect(Object.keys(file)).toEqual(['image_16', 'image_8'])
      for (const [name, image] of Object.entries(loop)) {
        expect(spread(image)).toBeGreaterThan(0.1)
        expect(difference(image, file[name])).toBeLessThan(1e-4)
      }
    }
  })
})

/** Standard deviation. */
function spread({ data }: Tensor): number {
  const values = Array.from(data)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}

describe('the file', () => {
  const of = model('method ddpm  guidance 3')

  it('takes noise, conditions, steps and guidance', async () => {
    const { lowered } = await written(of, 'names')
    expect(lowered.inputs.map(({ name }) => name)).toEqual([
      ...['x_16', 'x_8', 'noise_16', 'noise_8', 'guidance', 'text', 'negative_text', 'text_mask', 'negative_text_mask'],
      ...['micro_scale', 'steps'],
    ])
  })

  it.each([undefined, 0])(
    'loads without a warning and passes the checker, with weights within %s bytes inside',
    async (limit) => {
      const { path } = await written(of, `checked_${limit}`, limit)
      expectSound([path])
      if (limit === 0)
        for (const image of Object.values(await byFile(of, path, 2))) expect(spread(image)).toBeGreaterThan(0.1)
    },
  )

  it('computes once what depends on the condition alone, and never what is constant', async () => {
    const { path, lowered } = await written(of, 'outside')
    const loop = lowered.nodes.find(({ opType }) => opType === 'Loop')
    const inside = protocol.onnx.ModelProto.decode(readFileSync(path)).graph?.node?.find(
      ({ opType }) => opType === 'Loop',
    )
    const body = inside?.attribute?.[0]?.g
    expect(loop?.inputs).toContain('x_16')
    const outside = lowered.nodes.map(({ name }) => name)
    expect(outside.filter((name) => name.includes('kv_cond'))).not.toEqual([])
    expect(body?.node?.filter(({ name }) => /kv_cond|lm_head/.test(name ?? ''))).toEqual([])
    expect(body?.initializer?.map(({ name }) => name)).toContain('conv_in.weight')
  })

  it('lets ONNX Runtime optimise the body as it does a network', async () => {
    const { path } = await written(of, 'optimised')
    const result = join(folder, 'result.onnx')
    await (await InferenceSession.create(path, { optimizedModelFilePath: result, logSeverityLevel: 3 })).release()
    const loop = protocol.onnx.ModelProto.decode(readFileSync(result)).graph?.node?.find(
      ({ opType }) => opType === 'Loop',
    )
    const nodes = loop?.attribute?.find(({ g }) => g)?.g?.node ?? []
    expect(nodes.filter(({ opType }) => opType === 'Conv').map(({ domain }) => domain)).not.toContain('')
    expect(nodes.filter(({ opType }) => opType === 'Sigmoid')).toEqual([])
    expect(nodes.filter(({ opType }) => opType === 'QuickGelu').length).toBeGreaterThan(10)
  })
})

it('undoes the scale of the signal where schedules are not shifted', async () => {
  const of = model('method ddim', 'schedule cosine')
  expect(signalScales(of)).toEqual([2, 1])
  const { lowered } = await written(of, 'scaled')
  const into = lowered.nodes.filter(({ opType }) => opType === 'Clip').map(({ inputs }) => inputs[0]?.split('_')[0])
  expect(into).toEqual(['Mul', 'Loop/1'])
})
