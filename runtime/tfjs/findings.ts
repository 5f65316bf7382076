/** Diagnostics where there is no command line: errors are thrown in their words, warnings go to the console. */
import type { Diagnostic, Report } from '../../compiler/diagnostics/diagnostic.js'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'

/** What an action gives. Throws an Error where it reports one. */
export function successOf<T>(action: (report: Report) => T | undefined): T {
  const found = new DiagnosticList()
  return checked(action(found.report), found)
}

/** As successOf, for what takes time. */
export async function laterSuccessOf<T>(action: (report: Report) => Promise<T | undefined>): Promise<T> {
  const found = new DiagnosticList()
  return checked(await action(found.report), found)
}

function checked<T>(result: T | undefined, found: DiagnosticList): T {
  const errors = found.all.filter(({ severity }) => severity === 'error')
  if (errors.length > 0 || result === undefined) throw new Error(errors.map(inWords).join('\n'))
  for (const warning of found.all) console.warn(inWords(warning))
  return result
}

function inWords({ message, reason, help }: Diagnostic): string {
  return [message, reason, help && `help: ${help}`].filter((line) => line !== undefined).join('\n  ')
}
