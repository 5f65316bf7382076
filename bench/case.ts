/** What is trained in benchmarks: a model by its configuration, and inputs for it by rule. */
import { readFile } from 'node:fs/promises'
import { resolutionName } from '../compiler/build/nest.js'
import { schedulesOf, signalScales } from '../compiler/build/schedule.js'
import { checkProgram } from '../compiler/check/check.js'
import { load, type SourceHost } from '../compiler/check/load.js'
import { partsOf, type Model } from '../compiler/check/model.js'
import { importReference } from '../compiler/import/import.js'
import type { Graph } from '../compiler/ir/graph.js'
import { evaluateShape } from '../compiler/ir/dimension.js'
import { elementCount, type Tensor } from '../compiler/ir/tensor.js'
import { buildTraining } from '../compiler/training.js'
import { disk } from '../cli/sources.js'
import { ruleUniforms } from '../runtime/weights/rule.js'
import { writeSafetensors } from '../runtime/weights/write-safetensors.js'

/** The model of a configuration of the reference implementation, its text as .mdm and its training graph. */
export async function build(config: string): Promise<{ model: Model; graph: Graph; text: string }> {
  const fail = (finding: { message: string }) => {
    throw new Error(finding.message)
  }
  const text = importReference('case.json', await readFile(config, 'utf8'), { name: 'case' }, fail) ?? ''
  const host: SourceHost = { ...disk, read: (path) => (path === 'case.mdm' ? text : disk.read(path)) }
  const program = load('case.mdm', host, fail)
  const model = program && checkProgram(program, fail).at(-1)
  if (!model) throw new Error(`${config} has no model`)
  return { model, graph: buildTraining(model, fail), text }
}

/** Numbers by the rule for all inputs: noise of variance 1 or so, times spread over the schedule, half of a mask. */
export function inputsOf(
  model: Model,
  graph: Graph,
  { batch, tokens }: { readonly batch: number; readonly tokens: number },
): Record<string, Tensor> {
  const inputs: Record<string, Tensor> = {}
  for (const { name, value } of graph.inputs) {
    const shape = evaluateShape(value.type.shape, { batch, tokens })
    const u = ruleUniforms(`bench:${name}`)
    const data = Float32Array.from({ length: elementCount(shape) }, (_, i) => {
      if (name === 'times') return Math.floor(((i + 0.5) / batch) * model.diffusion.steps)
      if (name === 'text_mask') return i % tokens < tokens / 2 ? 1 : 0
      return u(i) * Math.sqrt(3)
    })
    inputs[name] = { shape, data: value.type.dataType === 'int64' ? Float64Array.from(data) : data }
  }
  return inputs
}

/** What a peer needs besides, for each resolution: the schedule's numbers, so that both train on the same noised images. */
export function levelsOf(model: Model, inputs: Readonly<Record<string, Tensor>>) {
  const steps = Array.from((inputs.times?.data ?? []) as Float64Array)
  const scales = signalScales(model)
  const schedules = schedulesOf(model)
  return partsOf(model).map((part, r) => {
    const noise = inputs[`noise_${resolutionName(part)}`]
    if (noise === undefined) throw new Error(`there is no noise for side ${part.side}`)
    const gammas = steps.map((step) => schedules[r]?.[step + 1] ?? 0)
    const [alpha, sigma] = [gammas.map(Math.sqrt), gammas.map((gamma) => Math.sqrt(1 - gamma))]
    return { side: part.side, noise, alpha, sigma, scale: scales[r] ?? 1 }
  })
}

/** Inputs as a file for a peer, with the schedule's numbers besides, so that both train on the same noised images. */
export async function writePeerInputs(
  path: string,
  model: Model,
  inputs: Readonly<Record<string, Tensor>>,
  batch: number,
): Promise<void> {
  const tensors = new Map<string, Float32Array>()
  const shapes = new Map<string, readonly number[]>()
  const put = (name: string, shape: readonly number[], data: Iterable<number>) => {
    tensors.set(name, Float32Array.from(data))
    shapes.set(name, shape)
  }
  for (const [name, { shape, data }] of Object.entries(inputs)) put(name, shape, data as Float32Array)
  for (const { side, noise, alpha, sigma, scale } of levelsOf(model, inputs)) {
    put(`noise_${side}`, noise.shape, noise.data as Float32Array)
    put(`alpha_${side}`, [batch], alpha)
    put(`sigma_${side}`, [batch], sigma)
    put(`scale_${side}`, [1], [scale])
  }
  const entries = Array.from(shapes, ([name, shape]) => ({ name, dtype: 'F32' as const, shape }))
  await writeSafetensors(
    path,
    entries,
    ({ name }) => tensors.get(name) ?? new Float32Array(),
    () => undefined,
  )
}
