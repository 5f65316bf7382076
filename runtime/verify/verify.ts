/** Runs recorded cases on an engine and measures the error of every tensor. */
import type { Engine } from '../../backends/engine.js'
import { buildDenoiser, microDefaults } from '../../compiler/build/denoiser.js'
import { resolutionName } from '../../compiler/build/nest.js'
import { checkProgram } from '../../compiler/check/check.js'
import { load, type SourceHost } from '../../compiler/check/load.js'
import { partsOf, type Model } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import * as say from '../../compiler/diagnostics/verify.js'
import { readReference, type Reference } from '../../compiler/import/reference.js'
import { writeReference } from '../../compiler/import/import.js'
import { showShape } from '../../compiler/ir/dimension.js'
import type { Graph } from '../../compiler/ir/graph.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { wholeFile } from '../weights/failure.js'
import { ruleWeights } from '../weights/rule.js'
import type { WeightSource } from '../weights/source.js'
import { readCase, type RecordedCase } from './case.js'
import { fromGrid, toGrid } from './grid.js'

export interface TensorResult {
  readonly name: string
  /** Largest difference over largest expected value. Not a number where the engine gave none. */
  readonly error: number
  readonly tolerance: number
}

export interface CaseResult {
  readonly case: string
  readonly engine: string
  readonly passed: boolean
  readonly tensors: readonly TensorResult[]
}

export interface VerifyOptions {
  readonly engine: Engine
  readonly device: string
  readonly threads?: number
  /** Files of the standard blocks; the case's own model is in memory. */
  readonly host: SourceHost
  /** Replaces each case's own tolerance, for devices that compute with fewer digits. */
  readonly tolerance?: number | undefined
  readonly report: Report
}

/** Verifies one case. Undefined where it cannot be run, which is reported. */
export async function verifyCase(path: string, options: VerifyOptions): Promise<CaseResult | undefined> {
  const recorded = await readCase(path, options.report)
  try {
    return recorded && (await verifyRecorded(recorded, options))
  } finally {
    await recorded?.tensors?.close()
  }
}

async function verifyRecorded(recorded: RecordedCase, options: VerifyOptions): Promise<CaseResult | undefined> {
  const { report } = options
  const file = `${recorded.path}/case.json`
  if (recorded.kind !== 'denoiser') {
    report(say.unsupportedCase({ kind: recorded.kind }), wholeFile(file))
    return undefined
  }
  const model = modelOf(recorded, file, options)
  if (model === undefined) return undefined
  const graph = buildDenoiser(model, report, { mixedBatch: recorded.mixedBatch })
  const fits = sameParameters(graph, recorded, file, report)
  const tensors = fits && recorded.tensors ? await compare(model, graph, recorded, recorded.tensors, options) : []
  if (tensors === undefined) return undefined
  return {
    case: recorded.path,
    engine: options.engine.name,
    passed: fits && tensors.every(({ error, tolerance }) => error <= tolerance),
    tensors,
  }
}

/** The case's configuration as a checked model: through the importer and the checker, as a user's would go. */
function modelOf(recorded: RecordedCase, file: string, { host, report }: VerifyOptions): Model | undefined {
  const names = new Set(recorded.tensors?.entries.map(({ name }) => name))
  const read = readReference(file, recorded.text, report)
  if (read === undefined) return undefined
  const reference: Reference = { ...read, categorical: names.has('in.labels'), leftOut: [] }
  const text = writeReference(file, reference, { name: 'case', side: recorded.sizes[0] }, report)
  if (text === undefined) return undefined
  const memory: SourceHost = {
    read: (path) => (path === 'case.mdm' ? text : host.read(path)),
    resolve: (from, to) => host.resolve(from, to),
  }
  const program = load('case.mdm', memory, report)
  return program && checkProgram(program, report).at(-1)
}

function sameParameters({ parameters }: Graph, recorded: RecordedCase, file: string, report: Report): boolean {
  const show = (parameter: { name: string; shape: readonly number[] } | undefined) =>
    parameter ? `${parameter.name} ${showShape(parameter.shape)}` : 'nothing'
  for (let i = 0; i < Math.max(parameters.length, recorded.parameters.length); i++) {
    const [built, wanted] = [show(parameters[i]), show(recorded.parameters[i])]
    if (built === wanted) continue
    report(say.parametersDiffer({ index: i, recorded: wanted, built }), wholeFile(file))
    return false
  }
  return true
}

async function compare(
  model: Model,
  graph: Graph,
  recorded: RecordedCase,
  tensors: WeightSource,
  options: VerifyOptions,
): Promise<TensorResult[] | undefined> {
  const inputs = await readInputs(model, graph, recorded, tensors, options.report)
  if (inputs === undefined) return undefined
  const { engine, device, threads } = options
  const session = await engine.prepare(graph, ruleWeights(graph.parameters), {
    device,
    ...(threads === undefined ? {} : { threads }),
  })
  try {
    const outputs = await session.run(inputs)
    const results: TensorResult[] = []
    for (const [i, part] of partsOf(model).entries()) {
      const name = `pred_${resolutionName(part)}`
      const expected = await tensorOf(
        tensors,
        `out.pred_${recorded.sizes[i] ?? part.side}`,
        recorded.path,
        options.report,
      )
      const found = outputs[name]
      if (expected === undefined || found === undefined) return undefined
      const image = part.frames > 1 ? toGrid(found) : found
      if (image.shape.join() !== expected.shape.join()) {
        options.report(
          say.tensorShape({ name, found: showShape(expected.shape), expected: showShape(image.shape) }),
          wholeFile(`${recorded.path}/case.json`),
        )
        return undefined
      }
      results.push({
        name,
        error: relativeError(image.data, expected.data),
        tolerance: options.tolerance ?? recorded.tolerance,
      })
    }
    return results
  } finally {
    await session.dispose()
  }
}

/** The case's inputs under the names of the graph. */
async function readInputs(
  model: Model,
  graph: Graph,
  recorded: RecordedCase,
  tensors: WeightSource,
  report: Report,
): Promise<Record<string, Tensor> | undefined> {
  const parts = partsOf(model)
  const recordedNames = new Map(
    parts.map((part, i) => [`x_${resolutionName(part)}`, `in.x_${recorded.sizes[i] ?? part.side}`]),
  )
  const others: Readonly<Record<string, string>> = {
    text: 'in.lm_outputs',
    text_mask: 'in.lm_mask',
    label: 'in.labels',
  }
  const inputs: Record<string, Tensor> = {}
  const rows = tensors.entries.find(({ name }) => name === 'in.times')?.shape[0] ?? 1
  for (const { name } of graph.inputs) {
    const stored = recordedNames.get(name) ?? others[name] ?? `in.${name}`
    const micro = name.startsWith('micro_') ? microDefaults(model).get(name.slice('micro_'.length)) : undefined
    if (micro !== undefined && !tensors.entries.some((entry) => entry.name === stored)) {
      inputs[name] = { shape: [rows], data: new Float32Array(rows).fill(micro) }
      continue
    }
    const tensor = await tensorOf(tensors, stored, recorded.path, report)
    if (tensor === undefined) return undefined
    const frames = parts.find((part) => `x_${resolutionName(part)}` === name)?.frames ?? 1
    const fitting = frames > 1 ? fromGrid(tensor, frames) : tensor
    inputs[name] = name === 'label' ? { shape: fitting.shape, data: Float64Array.from(fitting.data) } : fitting
  }
  return inputs
}

async function tensorOf(
  tensors: WeightSource,
  name: string,
  path: string,
  report: Report,
): Promise<Tensor | undefined> {
  const entry = tensors.entries.find((candidate) => candidate.name === name)
  if (entry) return { shape: entry.shape, data: await tensors.read(name) }
  report(say.tensorMissing({ name }), wholeFile(`${path}/case.json`))
  return undefined
}

function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0
  let largest = 0
  for (let i = 0; i < expected.length; i++) {
    const distance = Math.abs((found[i] ?? NaN) - (expected[i] ?? NaN))
    if (Number.isNaN(distance)) return NaN
    difference = Math.max(difference, distance)
    largest = Math.max(largest, Math.abs(expected[i] ?? 0))
  }
  return largest === 0 ? difference : difference / largest
}
