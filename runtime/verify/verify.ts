/** Runs recorded cases on an engine and measures the error of every tensor. */
import type { Engine, EngineOptions } from '../../backends/engine.js'
import type { SourceHost } from '../../compiler/check/load.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import * as say from '../../compiler/diagnostics/verify.js'
import { showShape } from '../../compiler/ir/dimension.js'
import { wholeFile } from '../weights/failure.js'
import { ruleWeights } from '../weights/rule.js'
import { readCase, type RecordedCase } from './case.js'
import { Figures, UnfitCase, type TensorResult } from './figures.js'
import { modelOf } from './model.js'
import { networkKinds, type Comparison } from './network.js'
import type { ModelEngine } from './subject.js'
import { compareSchedules, compiledTables, tablesOf } from './schedules.js'

export interface CaseResult {
  readonly case: string
  readonly engine: string
  readonly passed: boolean
  readonly tensors: readonly TensorResult[]
}

export interface VerifyOptions extends EngineOptions {
  readonly engine: Engine | ModelEngine
  /** Files of the standard blocks; the case's own model is in memory. */
  readonly host: SourceHost
  /** Replaces each case's own tolerance, for devices that compute with fewer digits. */
  readonly tolerance?: number | undefined
  readonly report: Report
}

/** Largest errors for cases that state none. */
const standardTolerance: Readonly<Record<RecordedCase['kind'], number>> = {
  denoiser: 2e-4,
  loss: 1e-5,
  sampling: 1e-3,
  schedules: 1e-6,
  training: 1e-3,
}

/** Verifies one case. Undefined where it cannot be run, which is reported. */
export async function verifyCase(path: string, options: VerifyOptions): Promise<CaseResult | undefined> {
  const recorded = await readCase(path, options.report)
  try {
    return recorded && (await verifyRecorded(recorded, options))
  } catch (error) {
    if (error instanceof UnfitCase) return undefined
    throw error
  } finally {
    await recorded?.tensors?.close()
  }
}

async function verifyRecorded(recorded: RecordedCase, options: VerifyOptions): Promise<CaseResult | undefined> {
  const { kind, path, tensors } = recorded
  const tolerance = options.tolerance ?? recorded.tolerance ?? standardTolerance[kind]
  const figures = tensors && new Figures(path, tensors, tolerance, options.report, options.tolerance)
  let fits = true
  if (kind === 'schedules') {
    const { engine } = options
    const tables = 'tablesOf' in engine ? tablesOf(engine, options.host, options.report) : compiledTables
    if (figures) await compareSchedules(recorded, figures, tables)
  } else {
    const model = modelOf(recorded, options.host, options.report)
    if (model === undefined) return undefined
    const comparisons = networkKinds[kind](model, recorded, options.report)
    fits = comparisons.every(({ graph }) => sameParameters(graph, recorded, options.report))
    const { engine } = options
    const [comparison] = comparisons
    if (fits && comparison && 'parametersOf' in engine)
      fits = sameParameters(
        { parameters: await engine.parametersOf(comparison.subject.model) },
        recorded,
        options.report,
      )
    if (fits && figures) for (const comparison of comparisons) await run(comparison, figures, options)
  }
  const results = figures?.results ?? []
  return {
    case: path,
    engine: options.engine.name,
    passed: fits && results.every(({ error, tolerance: most }) => error <= most),
    tensors: results,
  }
}

async function run(comparison: Comparison, figures: Figures, options: VerifyOptions): Promise<void> {
  const { graph, subject, trains = false, weights = ruleWeights(graph.parameters) } = comparison
  const { engine } = options
  const settings = { ...options, trains }
  const session = await ('prepareModel' in engine
    ? engine.prepareModel(subject, weights, settings)
    : engine.prepare(graph, weights, settings))
  try {
    await comparison.run(session, figures)
  } finally {
    await session.dispose()
  }
}

interface Listed {
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[]
}

/** Whether names, shapes and order of parameters are as recorded; cases of sampling record none. */
function sameParameters({ parameters }: Listed, recorded: RecordedCase, report: Report): boolean {
  if (recorded.parameters.length === 0) return true
  const show = (parameter: { name: string; shape: readonly number[] } | undefined) =>
    parameter ? `${parameter.name} ${showShape(parameter.shape)}` : 'nothing'
  for (let i = 0; i < Math.max(parameters.length, recorded.parameters.length); i++) {
    const [built, wanted] = [show(parameters[i]), show(recorded.parameters[i])]
    if (built === wanted) continue
    report(say.parametersDiffer({ index: i, recorded: wanted, built }), wholeFile(`${recorded.path}/case.json`))
    return false
  }
  return true
}
