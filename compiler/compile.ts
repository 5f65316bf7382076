/** From a file to checked models, with every diagnostic on the way. */
import { buildDenoiser } from './build/denoiser.js'
import { checkProgram } from './check/check.js'
import { load, type Program, type SourceHost } from './check/load.js'
import type { Model } from './check/model.js'
import { DiagnosticList, inOrder, oncePerPlace, type Diagnostic } from './diagnostics/diagnostic.js'

export interface CheckedFile {
  /** The models that could be read; of use for building only where there is no error. */
  readonly models: readonly Model[]
  readonly diagnostics: readonly Diagnostic[]
  readonly hasErrors: boolean
  /** Every source that was read, for showing diagnostics. */
  readonly sources: ReadonlyMap<string, string>
  readonly program: Program | undefined
}

/** Reads, checks and builds all models of a file, so that mistakes in shapes are found too. */
export function checkFile(path: string, host: SourceHost): CheckedFile {
  const found = new DiagnosticList()
  const program = load(path, host, found.report)
  const models = program ? checkProgram(program, found.report) : []
  if (!found.hasErrors) {
    const report = oncePerPlace(found.report)
    for (const model of models) buildDenoiser(model, report)
  }
  return {
    models,
    diagnostics: inOrder(found.all),
    hasErrors: found.hasErrors,
    sources: program?.sources ?? new Map<string, string>(),
    program,
  }
}
