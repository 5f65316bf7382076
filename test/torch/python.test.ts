/** Generated packages in Python: tools that look at the code, the numbers of every kind of setting, what PyTorch adds. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import { torchPackage } from '../../backends/torch/package.js'
import { buildSamplerStep } from '../../compiler/build/sampler.js'
import { minSnrWeights, schedulesOf, timesteps, vdmWeights } from '../../compiler/build/schedule.js'
import { solverSteps } from '../../compiler/build/solver.js'
import type { Diffusion, Model, Sampling } from '../../compiler/check/model.js'
import { buildTraining } from '../../compiler/training.js'
import { evaluateShape } from '../../compiler/ir/dimension.js'
import type { Graph } from '../../compiler/ir/graph.js'
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'
import { stepInputs } from '../../runtime/sample/loop.js'
import { TorchEngine } from '../../runtime/torch/engine.js'
import { pythonProgram } from '../../runtime/torch/process.js'
import { initialWeights } from '../../runtime/weights/initialise.js'
import { ruleUniforms, ruleWeights } from '../../runtime/weights/rule.js'
import { writeSafetensors } from '../../runtime/weights/write-safetensors.js'
import { modelOf } from '../sampling/models.js'
import { noReport } from '../shipped.js'
import { hasTool, hasTorch, hasTraining } from './found.js'
import { progressive, tiny, userBlocks } from './models.js'
import { outputOf, writtenPackage } from './run.js'

const folder = mkdtempSync(join(tmpdir(), 'mdmc-package-'))
const engine = new TorchEngine()
afterAll(async () => {
  await engine.close()
  rmSync(folder, { recursive: true, force: true })
})

const video = `
model Frame { groups 4  embedding 32  level 8 { channels 32  blocks 1 } }
model Clip nests Frame {
  groups 4
  positions rotary
  level 8 { frames 4  channels 32  blocks 1  temporal_attention 1 }
  level 8 { frames 2  channels 32  blocks 1 }
  level 8 { frames 1  channels 32  blocks 1 }
  diffusion { frame_choice mean }
}
`

describe('tools find nothing', () => {
  const sources = Object.entries({ progressive, userBlocks, video })
  describe.skipIf(!hasTool('ruff'))('ruff', () => {
    it.each(sources)('%s', async (name, source) => {
      const cwd = join(folder, `ruff-${name}`)
      await writtenPackage(source, cwd)
      outputOf('ruff', ['check', '--no-cache', '.'], { cwd })
      outputOf('ruff', ['format', '--no-cache', '--check', '.'], { cwd })
    })
  })
  describe.skipIf(!hasTraining || !hasTool('pyright'))('pyright', () => {
    it('all', async () => {
      for (const [name, source] of sources) await writtenPackage(source, join(folder, 'pyright', name))
      // What each package's own pyproject.toml says, for all of them at once.
      const executionEnvironments = sources.map(([root]) => ({ root }))
      const settings = { typeCheckingMode: 'basic', reportPrivateImportUsage: false, executionEnvironments }
      writeFileSync(join(folder, 'pyright/pyrightconfig.json'), JSON.stringify(settings))
      outputOf('pyright', ['.'], { cwd: join(folder, 'pyright') })
    })
  })
})

describe.skipIf(!hasTorch)('against ONNX Runtime', () => {
  const plain = userBlocks.replace('dropout 10%', '')
  const cases: [string, Model][] = [
    ['a nest with text, micro-conditions, weights by step and a mixed batch', modelOf(tiny)],
    ['blocks of a user, labels, noise', modelOf(plain)],
    ['video', modelOf(video)],
    [
      'other measures',
      withDiffusion(modelOf(tiny), {
        predict: 'x0',
        measure: 'v',
        weights: [0.5, 2],
        mix: [],
        outputScale: 2,
        shifted: false,
      }),
    ],
    [
      'the highest resolution alone',
      withDiffusion(modelOf(tiny), { highestOnly: true, weighting: { kind: 'vdm' }, predict: 'noise', measure: 'x0' }),
    ],
  ]
  it.each(cases)('the loss and its gradients: %s', async (_, model) => {
    const graph = buildTraining(model, noReport)
    const inputs = inputsOf(graph)
    const [expected, found] = await bothRun(graph, 'loss', model, inputs, true)
    for (const [name, tensor] of Object.entries(expected)) {
      const other = found[name] ?? { shape: tensor.shape, data: new Float32Array(tensor.data.length) }
      expect(other.shape, name).toEqual(tensor.shape)
      expect(distance(other, tensor), name).toBeLessThan(name.startsWith('gradient.') ? 1e-4 : 1e-5)
    }
  })

  const samplings: [string, Partial<Sampling>][] = [
    ['ddpm', { method: 'ddpm', threshold: { kind: 'dynamic', quantile: 0.8, limit: 100 }, guidance: 2 }],
    ['ddim with eta', { method: 'ddim', eta: 0.5, threshold: { kind: 'fixed' }, guidance: 1, spacing: 'quadratic' }],
    ['ddim', { method: 'ddim', eta: 0, threshold: { kind: 'none' }, guidance: 3 }],
    [
      'dpm',
      { method: 'dpm', threshold: { kind: 'bounded', quantile: 0.7, limit: 1.5 }, guidance: 1, spacing: 'log_snr' },
    ],
  ]
  it.each(samplings)('steps of %s', async (_, sampling) => {
    const base = withDiffusion(modelOf(tiny), { shifted: false, signalScale: 1.5 })
    const model = { ...base, sampling: { ...base.sampling, eta: 0, spacing: 'even' as const, ...sampling, steps: 8 } }
    const guided = model.sampling.guidance !== 1
    const graph = buildSamplerStep(model, noReport, { threshold: model.sampling.threshold, guided })
    const steps = solverSteps(model, model.sampling)
    for (const step of [steps[0], steps[4], steps[7]]) {
      if (step === undefined) throw new Error('no step')
      const inputs = { ...inputsOf(graph), ...stepInputs(step, 2) }
      if (guided) inputs.guidance = { shape: [], data: Float32Array.of(model.sampling.guidance) }
      const [expected, found] = await bothRun(graph, 'step', model, inputs, false)
      for (const [name, tensor] of Object.entries(expected)) {
        const other = found[name]
        if (other === undefined) throw new Error(`no ${name}`)
        expect(distance(other, tensor), name).toBeLessThan(1e-5)
      }
    }
  })
})

describe.skipIf(!hasTorch)('schedules', () => {
  const base = modelOf('model S { groups 4  level 8 { channels 8  blocks 1 } }')
  const schedules: [string, Diffusion['schedule']][] = [
    ['cosine', { kind: 'cosine', from: 6, to: -4 }],
    ['ddpm', { kind: 'ddpm', first: 1e-4, last: 0.02 }],
    ['deepfloyd', { kind: 'deepfloyd' }],
    ['sigmoid', { kind: 'sigmoid', from: -6, to: 6 }],
    ['table', { kind: 'table', gammas: [1, 0.9, 0.5, 0.4, 0.3, 0.2, 0.1, 0.01] }],
  ]
  it.each(schedules)('%s', async (_, schedule) => {
    const steps = schedule.kind === 'table' ? schedule.gammas.length - 1 : 200
    for (const spacing of ['even', 'quadratic', 'log_snr'] as const) {
      const weighting = spacing === 'even' ? { kind: 'vdm' as const } : { kind: 'min_snr' as const, limit: 3 }
      const diffusion: Partial<Diffusion> = { schedule, steps, shift: 3, power: 1.5, weighting, measure: 'v' }
      const model = { ...withDiffusion(base, diffusion), sampling: { ...base.sampling, spacing } }
      const gamma = schedulesOf(model)[0] ?? new Float32Array()
      const tables = await engine.tablesOf(model, 5)
      expect(distance(asTensor(tables.gammas), asTensor(gamma))).toBeLessThan(1.2e-7)
      const weights = weighting.kind === 'vdm' ? vdmWeights(gamma) : minSnrWeights(gamma, 3, 'v')
      // vdm weights divide nearly equal numbers of float32: a last digit of gamma moves them by more.
      expect(distance(asTensor(tables.weights), asTensor(weights))).toBeLessThan(weighting.kind === 'vdm' ? 1e-4 : 1e-6)
      expect(tables.timesteps).toEqual(timesteps(gamma, 5, spacing))
    }
  })
})

describe.skipIf(!hasTorch)('PyTorch', () => {
  it('captures, recomputes, computes in bfloat16, samples and saves', async () => {
    const path = join(folder, 'checked')
    await writtenPackage(tiny, path)
    const parameters = torchPackage(modelOf(tiny), noReport)?.graph.parameters ?? []
    const values = initialWeights(parameters, 1)
    const entries = parameters.map(({ name, shape }) => ({ name, dtype: 'F32' as const, shape }))
    await writeSafetensors(join(path, 'weights.safetensors'), entries, ({ name }) => values.read(name), noReport)
    const output = outputOf(pythonProgram(), ['-W', 'ignore', 'test/torch/check_package.py', path, 'tiny'])
    const found = JSON.parse(output) as Record<string, unknown>
    expect(found).toMatchObject({
      compiled: 0,
      finite: true,
      recomputed: 0,
      saved: true,
      pictures: [
        [2, 3, 16, 16],
        [2, 3, 8, 8],
      ],
    })
    expect(found.layout).toBeLessThan(1e-5)
    expect(found.bfloat16).toBeLessThan(0.1)
    expect(found.bfloat16).toBeGreaterThan(0)
  })
})

describe('without PyTorch', () => {
  it('says how to get it', async () => {
    const before = process.env.MDMC_PYTHON
    process.env.MDMC_PYTHON = '/nowhere/python3'
    try {
      await expect(new TorchEngine().works('cpu')).rejects.toThrow(/does not start.*\n.*pip install .*MDMC_PYTHON/s)
    } finally {
      if (before === undefined) delete process.env.MDMC_PYTHON
      else process.env.MDMC_PYTHON = before
    }
  })
})

function withDiffusion(model: Model, changed: Partial<Diffusion>): Model {
  return { ...model, diffusion: { ...model.diffusion, ...changed } }
}

function asTensor(data: Float32Array): Tensor {
  return { shape: [data.length], data }
}

/** Largest difference over the largest value; over 1e-5 at least, below which there is but rounding. */
function distance(found: Tensor, expected: Tensor): number {
  let [most, largest] = [0, 1e-5]
  expected.data.forEach((value, i) => {
    const difference = Math.abs((found.data[i] ?? NaN) - value)
    if (!(difference <= most)) most = difference
    largest = Math.max(largest, Math.abs(value))
  })
  return most / largest
}

/** Numbers for every input: two examples, three tokens, one row of high resolutions in a mixed batch. */
function inputsOf(graph: Graph): Record<string, Tensor> {
  const symbols = new Set(
    graph.inputs.flatMap(({ value }) =>
      value.type.shape.flatMap((size) => (typeof size === 'number' ? [] : size.symbols)),
    ),
  )
  const bindings = Object.fromEntries([...symbols].map((name) => [name, { batch: 2, tokens: 3 }[name] ?? 1]))
  return Object.fromEntries(
    graph.inputs.map(({ name, value }): [string, Tensor] => {
      const shape = evaluateShape(value.type.shape, bindings)
      const count = elementCount(shape)
      const u = ruleUniforms(name)
      if (value.type.dataType === 'int64')
        return [
          name,
          { shape, data: Float64Array.from({ length: count }, (_, i) => (name === 'label' ? i - 1 : 20 + 400 * i)) },
        ]
      const number = (i: number) => {
        if (name === 'text_mask') return i % 3 === 2 ? 0 : 1
        if (name.startsWith('micro_')) return 10 + 20 * i
        return 1.5 * u(i)
      }
      return [name, { shape, data: Float32Array.from({ length: count }, (_, i) => number(i)) }]
    }),
  )
}

type Outputs = Readonly<Record<string, Tensor>>

async function bothRun(
  graph: Graph,
  what: 'loss' | 'step',
  model: Model,
  inputs: Readonly<Record<string, Tensor>>,
  trains: boolean,
): Promise<[expected: Outputs, found: Outputs]> {
  const weights = ruleWeights(graph.parameters)
  const sessions = [
    await onnx.prepare(graph, weights, { device: 'cpu', trains }),
    await engine.prepareModel({ what, model }, weights, { device: 'cpu', threads: 1, trains }),
  ]
  const outputs: Outputs[] = []
  for (const session of sessions) {
    outputs.push(await session.run(inputs))
    await session.dispose()
  }
  return [outputs[0] ?? {}, outputs[1] ?? {}]
}
