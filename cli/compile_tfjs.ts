/** `mdmc compile --target tfjs`: a model as an ES module. */
import { readFile } from 'node:fs/promises'
import type { ParameterValues } from '../backends/engine.js'
import type { ModuleOptions } from '../backends/tfjs/module/compile.js'
import type { Recompute } from '../compiler/build/recomputation.js'
import type { Model } from '../compiler/check/model.js'
import { DiagnosticList } from '../compiler/diagnostics/diagnostic.js'
import type { Graph } from '../compiler/ir/graph.js'
import { say, showDiagnostics, WrongInput } from './report.js'
import { version } from './version.js'

export interface TfjsChoice {
  readonly mixedBatch: boolean
  readonly recompute: Recompute
  /** undefined: none are written. */
  readonly weights: ParameterValues | undefined
}

/** Writes the module; the paths of its files. */
export async function compileTfjs(
  model: Model,
  graph: Graph,
  folder: string,
  { mixedBatch, recompute, weights }: TfjsChoice,
): Promise<string[]> {
  const { compileToModule } = await import('../backends/tfjs/module/compile.js')
  return compileToModule(model, graph, folder, {
    version,
    runtime: { 'runtime.js': await built('tfjs-runtime.js'), 'runtime.d.ts': await built('tfjs-runtime.d.ts') },
    training: await trainingOf(model, { mixedBatch, recompute }),
    writeWeights: weights && ((path) => writeWeights(path, graph, weights)),
  })
}

/** A file that is made when mdmc is built; it lies beside the program. */
async function built(name: string): Promise<string> {
  try {
    return await readFile(new URL(`../dist/${name}`, import.meta.url), 'utf8')
  } catch {
    const { EngineUnavailable } = await import('../backends/unavailable.js')
    throw new EngineUnavailable('the runtime of tfjs modules is not built', 'run `npm run build`')
  }
}

/** The graphs and settings of training; undefined where the model cannot be trained, which is said. */
async function trainingOf(
  model: Model,
  options: Pick<TfjsChoice, 'mixedBatch' | 'recompute'>,
): Promise<ModuleOptions['training']> {
  const { buildLoss } = await import('../compiler/build/loss.js')
  const { inferenceOnStored } = await import('../compiler/passes/index.js')
  const { buildTraining } = await import('../compiler/training.js')
  const { moduleTraining } = await import('../runtime/tfjs/settings.js')
  const found = new DiagnosticList()
  const training = moduleTraining(model, found.report)
  if (training === undefined) {
    for (const { message } of found.all) say(`${message}; the module has no loss and no trainStep`)
    return undefined
  }
  const { phase, settings } = training
  const loss = inferenceOnStored.run(buildLoss(phase.model, found.report, options))
  const gradients = buildTraining(phase.model, found.report, { ...options, frozen: phase.frozen })
  return { loss, gradients, settings }
}

async function writeWeights(path: string, { parameters }: Graph, weights: ParameterValues): Promise<void> {
  const { writeSafetensors } = await import('../runtime/weights/write-safetensors.js')
  const found = new DiagnosticList()
  const entries = parameters.map(({ name, shape }) => ({ name, dtype: 'F32' as const, shape }))
  const pieces = weights.pieces?.bind(weights)
  const valuesOf = ({ name }: { readonly name: string }) => (pieces ? asBytes(pieces(name)) : weights.read(name))
  if (await writeSafetensors(path, entries, valuesOf, found.report)) return
  showDiagnostics(found.all)
  throw new WrongInput()
}

async function* asBytes(pieces: AsyncIterable<Float32Array>): AsyncGenerator<Uint8Array> {
  for await (const { buffer, byteOffset, byteLength } of pieces) yield new Uint8Array(buffer, byteOffset, byteLength)
}
