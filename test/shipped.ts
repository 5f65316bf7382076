/** The models and examples that come with mdmc, as tests read them. */
import { readdirSync } from 'node:fs'
import { expect } from 'vitest'
import { disk } from '../cli/sources.js'
import { buildDenoiser } from '../compiler/build/denoiser.js'
import type { Model } from '../compiler/check/model.js'
import { checkFile } from '../compiler/compile.js'
import type { Report } from '../compiler/diagnostics/diagnostic.js'
import { renderDiagnostic } from '../compiler/diagnostics/render.js'
import type { Graph } from '../compiler/ir/graph.js'

export function filesOf(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.mdm'))
  return names.map((name) => `${folder}/${name}`)
}

/** The models of a file, which must have no mistakes. */
export function modelsOf(path: string): readonly Model[] {
  const { models, diagnostics, sources } = checkFile(path, disk)
  expect(diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, sources))).toEqual([])
  return models
}

/** The last model of a file, or the one of this name. */
export function modelOf(path: string, name?: string): Model {
  const models = modelsOf(path)
  const model = name === undefined ? models.at(-1) : models.find((candidate) => candidate.name === name)
  if (model === undefined) throw new Error(`${path} has no model ${name ?? ''}`)
  return model
}

/** For what must be free of mistakes. */
export const noReport: Report = ({ code, message }) => {
  throw new Error(`${code} ${message}`)
}

/** The denoiser of a model that must build without a mistake. */
export function graphOf(model: Model): Graph {
  return buildDenoiser(model, noReport)
}
