/** A file with a mistake, and what its author is told. */
import { checkFile } from '../../compiler/compile.js'
import { renderDiagnostic } from '../../compiler/diagnostics/render.js'
import { memoryHost } from '../host.js'

export interface Scenario {
  /** What is wrong, in words. */
  readonly name: string
  /** The codes that it is about; the snapshot shows all that is reported. */
  readonly codes: readonly string[]
  readonly source: string
  /** Files that the source imports. */
  readonly others?: Readonly<Record<string, string>>
}

/** Declares a scenario; `codes` are separated by spaces. */
export function scenario(name: string, codes: string, source: string, others?: Scenario['others']): Scenario {
  return { name, codes: codes.split(' '), source: source.replace(/^\n/, ''), ...(others ? { others } : {}) }
}

/** Checks a scenario's source, or another in its place. */
export function check({ source, others = {} }: Scenario, text = source) {
  return checkFile('mine.mdm', memoryHost({ ...others, 'mine.mdm': text }))
}

/** The source and, below it, everything that the author reads. */
export function shown(scenario: Scenario): string {
  const { diagnostics, sources } = check(scenario)
  const texts = diagnostics.map((diagnostic) => {
    const fixes = diagnostic.fixes.map(({ title }) => `\n  fix: ${title}`)
    return renderDiagnostic(diagnostic, sources) + fixes.join('')
  })
  return [scenario.source.trimEnd(), ...texts].join('\n\n')
}
