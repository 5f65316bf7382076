/** How bad files are reported: thrown inside this folder as a finding, turned into a diagnostic at its edge. */
import type { Finding, Report, Span } from '../../compiler/diagnostics/diagnostic.js'
import { weightsChanged, weightsNotReadable } from '../../compiler/diagnostics/weights.js'
import { systemProblem } from '../../files/problem.js'

/**
 * A finding on its way to the report. Whoever reads tensors of an open source may meet it only if the
 * file changes or its disk fails meanwhile; everything that can be checked is checked on opening.
 */
export class WeightFailure extends Error {
  readonly finding: Finding
  constructor(finding: Finding) {
    super(finding.message)
    this.finding = finding
  }
}

/** A diagnostic about a file as a whole. */
export function wholeFile(path: string): Span {
  return { file: path, start: 0, end: 0 }
}

/** Runs `action`; a failure is reported about `path` and gives undefined. Other exceptions are our own bugs and pass. */
export async function reporting<T>(path: string, report: Report, action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action()
  } catch (error) {
    if (!(error instanceof WeightFailure)) throw error
    report(error.finding, wholeFile(path))
    return undefined
  }
}

/** Turns the system's refusal of `action` into a failure. */
export async function guarded<T>(
  action: () => Promise<T>,
  finding: typeof weightsNotReadable | typeof weightsChanged,
): Promise<T> {
  try {
    return await action()
  } catch (error) {
    const problem = systemProblem(error)
    if (problem === undefined) throw error
    throw new WeightFailure(finding({ problem }))
  }
}
