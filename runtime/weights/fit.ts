/** Weights against the parameters of a model: what is missing, what is too much, what has another shape. */
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { nearestName } from '../../compiler/diagnostics/suggest.js'
import {
  parametersMissing,
  parametersOfOtherShape,
  parametersSurplus,
  weightsSeveralFit,
} from '../../compiler/diagnostics/weights.js'
import type { Parameter } from '../../compiler/ir/parameter.js'
import { decodedPieces } from './decode.js'
import { wholeFile } from './failure.js'
import { lookUp, type TensorEntry, type WeightSource } from './source.js'

/** What a fit asks of a parameter. */
export type ExpectedParameter = Pick<Parameter, 'name' | 'shape'>

const suggestions = 8

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((side, axis) => side === b[axis])
}

/**
 * Prefixes under which every parameter is found with its shape. A model may be stored inside a wrapper
 * (`module.`, `model.`, `vision_model.`, `ema.`); a prefix is certain only if it fits everything.
 */
function fittingPrefixes(
  parameters: readonly ExpectedParameter[],
  stored: ReadonlyMap<string, TensorEntry>,
): readonly string[] {
  const [first] = parameters
  if (first === undefined) return ['']
  const fits = (prefix: string) =>
    parameters.every(({ name, shape }) => sameShape(stored.get(prefix + name)?.shape ?? [NaN], shape))
  if (fits('')) return ['']
  const candidates = [...stored.keys()].filter((name) => name.endsWith(`.${first.name}`))
  return candidates.map((name) => name.slice(0, name.length - first.name.length)).filter(fits)
}

/** Reports why no prefix fits. */
function reportFaults(
  path: string,
  parameters: readonly ExpectedParameter[],
  stored: ReadonlyMap<string, TensorEntry>,
  report: Report,
): void {
  const known = new Set(parameters.map((parameter) => parameter.name))
  const surplus = [...stored.keys()].filter((name) => !known.has(name))
  const missing = parameters.map((parameter) => parameter.name).filter((name) => !stored.has(name))
  if (missing.length > 0) {
    const near = missing.slice(0, suggestions).flatMap((name): [string, string][] => {
      const candidate = nearestName(name, surplus)
      return candidate === undefined ? [] : [[name, candidate]]
    })
    report(parametersMissing({ names: missing, near }), wholeFile(path))
  }
  const mismatches = parameters.flatMap(({ name, shape }) => {
    const found = stored.get(name)?.shape
    return found === undefined || sameShape(found, shape) ? [] : [{ name, model: shape, weights: found }]
  })
  if (mismatches.length > 0) report(parametersOfOtherShape({ mismatches }), wholeFile(path))
  reportSurplus(path, surplus, report)
}

function reportSurplus(path: string, names: readonly string[], report: Report): void {
  if (names.length > 0) report(parametersSurplus({ names }), wholeFile(path))
}

/**
 * The weights of exactly a model's parameters, in their order and under their names. A prefix before all names is
 * taken off if everything fits under it and under no other. Surplus tensors are left out with a warning; missing
 * or misshapen parameters are errors, and give undefined. `path` is what the diagnostics are about. Closing the
 * result closes `source`.
 */
export function fitWeights(
  source: WeightSource,
  parameters: readonly ExpectedParameter[],
  path: string,
  report: Report,
): WeightSource | undefined {
  const stored = new Map(source.entries.map((entry) => [entry.name, entry]))
  const prefixes = fittingPrefixes(parameters, stored)
  const [prefix] = prefixes
  if (prefix === undefined) {
    reportFaults(path, parameters, stored, report)
    return undefined
  }
  if (prefixes.length > 1) {
    report(weightsSeveralFit({ prefixes }), wholeFile(path))
    return undefined
  }
  const fitted = new Map(parameters.map(({ name }) => [name, lookUp(stored, prefix + name)]))
  const used = new Set([...fitted.values()].map((entry) => entry.name))
  reportSurplus(
    path,
    [...stored.keys()].filter((name) => !used.has(name)),
    report,
  )
  return {
    entries: [...fitted].map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    metadata: source.metadata,
    read: async (name) => source.read(lookUp(fitted, name).name),
    bytes: (name) => source.bytes(lookUp(fitted, name).name),
    pieces: (name) => decodedPieces(lookUp(fitted, name).dtype, source.bytes(lookUp(fitted, name).name)),
    close: () => source.close(),
  }
}
