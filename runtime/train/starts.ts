/** Where the parameters of a phase begin: drawn afresh, or taken from a model that was trained before. */
import { partsOf, type Model } from '../../compiler/check/model.js'
import { DiagnosticList, type Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Parameter } from '../../compiler/ir/parameter.js'
import { fitWeights } from '../weights/fit.js'
import { initialise } from '../weights/initialise.js'
import { openWeights } from '../weights/open.js'
import type { WeightSource } from '../weights/source.js'
import { innerPrefix } from './phases.js'

/** A trained model, and how deep in the phase's model it lies: 0 is the whole of it. */
export interface Trained {
  readonly source: WeightSource
  readonly depth: number
}

/** Values for every parameter of a model: those of the trained ones, the first that has it, else fresh ones. */
export function startingValues(
  trained: readonly Trained[],
  seed: number,
): (parameter: Parameter) => Promise<Float32Array> {
  const names = trained.map(({ source }) => new Set(source.entries.map(({ name }) => name)))
  return async (parameter) => {
    for (const [i, { source, depth }] of trained.entries()) {
      const prefix = innerPrefix(depth)
      const name = parameter.name.slice(prefix.length)
      if (parameter.name.startsWith(prefix) && names[i]?.has(name) === true) return source.read(name)
    }
    return initialise(parameter, seed)
  }
}

/**
 * Opens a checkpoint of a model or of one nested in it, from `shallowest` inwards. One that fits neither is reported as
 * what is wrong with it for the first of them, and gives undefined.
 */
export async function openTrained(
  path: string,
  model: Model,
  parameters: readonly Parameter[],
  report: Report,
  shallowest = 0,
): Promise<Trained | undefined> {
  const opened = await openWeights(path, report)
  if (opened === undefined) return undefined
  let first: DiagnosticList | undefined
  for (let depth = shallowest; depth < partsOf(model).length; depth++) {
    const found = new DiagnosticList()
    const prefix = innerPrefix(depth)
    const own = parameters.filter(({ name }) => name.startsWith(prefix))
    const stripped = own.map(({ name, shape }) => ({ name: name.slice(prefix.length), shape }))
    const source = fitWeights(opened, stripped, path, found.report)
    if (source !== undefined) return { source, depth }
    first ??= found
  }
  for (const { labels, ...finding } of first?.all ?? []) report(finding, labels[0]?.span)
  await opened.close()
  return undefined
}
