/** What commands on models share: reading the file, choosing the model, building its graph. */
import { buildDenoiser, type DenoiserOptions } from '../compiler/build/denoiser.js'
import { buildSamplerStep } from '../compiler/build/sampler.js'
import type { Model } from '../compiler/check/model.js'
import { checkFile, type CheckedFile } from '../compiler/compile.js'
import { buildTraining, type TrainingOptions } from '../compiler/training.js'
import { DiagnosticList, type Report } from '../compiler/diagnostics/diagnostic.js'
import { nearestName, oneOf } from '../compiler/diagnostics/suggest.js'
import type { Graph } from '../compiler/ir/graph.js'
import { say, showDiagnostics, WrongInput, WrongUsage } from './report.js'
import { disk } from './sources.js'

/** The model of a file: the named one, or the last, which is the outermost in files of several. */
export function readModel(file: string, name: string | undefined): Model {
  return chooseModel(file, checkFile(file, disk), name)
}

/** As readModel, of a file that has been checked. */
export function chooseModel(file: string, checked: CheckedFile, name: string | undefined): Model {
  showDiagnostics(checked.diagnostics, checked.sources)
  if (checked.hasErrors) throw new WrongInput()
  const model = name === undefined ? checked.models.at(-1) : checked.models.find((candidate) => candidate.name === name)
  if (model) return model
  const names = checked.models.map((candidate) => candidate.name)
  if (names.length === 0) {
    say(`error: ${file} has no model`)
    throw new WrongInput()
  }
  const near = name && nearestName(name, names)
  throw new WrongUsage(
    `${file} has no model ${name ?? ''}; ${near ? `did you mean ${near}?` : `it has ${oneOf(names)}`}`,
  )
}

/** The graph of a model that was checked. */
export function buildGraph(model: Model, options: DenoiserOptions = {}): Graph {
  return build((report) => buildDenoiser(model, report, options))
}

/** The graph of one step of sampling, as the model's own section has it. */
export function buildStep(model: Model): Graph {
  const { threshold, guidance } = model.sampling
  return build((report) => buildSamplerStep(model, report, { threshold, guided: guidance !== 1 }))
}

/** The graph that trains a model. */
export function buildTrainingGraph(model: Model, options: TrainingOptions): Graph {
  return build((report) => buildTraining(model, report, options))
}

function build(make: (report: Report) => Graph): Graph {
  const found = new DiagnosticList()
  const graph = make(found.report)
  if (!found.hasErrors) return graph
  showDiagnostics(found.all)
  throw new WrongInput()
}
