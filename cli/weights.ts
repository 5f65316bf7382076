/** The weights that a command is asked to use. */
import type { ParameterValues } from '../backends/engine.js'
import { DiagnosticList } from '../compiler/diagnostics/diagnostic.js'
import type { Parameter } from '../compiler/ir/parameter.js'
import { showDiagnostics, WrongInput } from './report.js'

/** Weights and what they are, in words. */
export interface ChosenWeights {
  readonly values: ParameterValues & { close(): Promise<void> }
  readonly about: string
}

/** Weights of a file that fit these parameters; what does not fit is shown. */
export async function weightsOfFile(file: string, parameters: readonly Parameter[]): Promise<ChosenWeights> {
  const { openWeights } = await import('../runtime/weights/open.js')
  const { fitWeights } = await import('../runtime/weights/fit.js')
  const found = new DiagnosticList()
  const source = await openWeights(file, found.report)
  const fitting = source && fitWeights(source, parameters, file, found.report)
  showDiagnostics(found.all)
  if (fitting) return { values: fitting, about: `weights of ${file}` }
  await source?.close()
  throw new WrongInput()
}

/** The weights that options ask for: none after `--no-weights`, fresh ones where they say nothing. */
export async function chooseWeights(
  parameters: readonly Parameter[],
  { weights, seed = 0 }: { readonly weights?: string | false; readonly seed?: number },
): Promise<ChosenWeights | undefined> {
  if (weights === false) return undefined
  return weights === undefined ? freshWeights(parameters, seed) : weightsOfFile(weights, parameters)
}

/** Fresh weights by seed. */
export async function freshWeights(parameters: readonly Parameter[], seed: number): Promise<ChosenWeights> {
  const { initialWeights } = await import('../runtime/weights/initialise.js')
  return { values: initialWeights(parameters, seed), about: `fresh weights, seed ${seed}` }
}
