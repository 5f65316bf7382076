/** How commands speak: diagnostics and messages on the terminal, results as text or JSON, exit codes. */
import colors from 'picocolors'
import type { Diagnostic, DiagnosticList } from '../compiler/diagnostics/diagnostic.js'
import { position, renderDiagnostic, type Paint } from '../compiler/diagnostics/render.js'

/** 0 done, 1 the input is wrong, 2 wrong usage, 3 the environment lacks something. */
export const exitCodes = { done: 0, wrongInput: 1, wrongUsage: 2, environment: 3 } as const

/** Ends a command whose input is wrong; the reasons have been shown. */
export class WrongInput extends Error {}

/** Ends a command that was called wrongly. */
export class WrongUsage extends Error {}

const paint: Paint = { error: colors.red, warning: colors.yellow, help: colors.cyan, faint: colors.dim }

/** Diagnostics on standard error, then how many there were. */
export function showDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: ReadonlyMap<string, string> = new Map(),
): void {
  const colour = colors.isColorSupported && process.stderr.isTTY ? paint : undefined
  for (const diagnostic of diagnostics) process.stderr.write(`${renderDiagnostic(diagnostic, sources, colour)}\n\n`)
  const count = (severity: string) => diagnostics.filter((diagnostic) => diagnostic.severity === severity).length
  const parts = [plural(count('error'), 'error'), plural(count('warning'), 'warning')].filter(
    (part) => !part.startsWith('0'),
  )
  if (parts.length > 0) process.stderr.write(`${parts.join(', ')}\n`)
}

/** Shows diagnostics and ends the command if there is an error among them. */
export function stopOn(found: DiagnosticList, sources?: ReadonlyMap<string, string>): void {
  if (!found.hasErrors) return
  showDiagnostics(found.all, sources)
  throw new WrongInput()
}

export function plural(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}

/** Diagnostics as plain values for `--json`. */
export function diagnosticsAsJson(diagnostics: readonly Diagnostic[], sources: ReadonlyMap<string, string>): unknown {
  return diagnostics.map(({ code, severity, message, reason, help, labels, fixes }) => ({
    code,
    severity,
    message,
    reason: reason ?? null,
    help: help ?? null,
    places: labels.map(({ span, text }) => ({
      ...span,
      ...position(sources.get(span.file) ?? '', span.start),
      text: text ?? null,
    })),
    fixes: fixes.map(({ title, edits }) => ({ title, edits })),
  }))
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2))
}

/** A remark that is no result: kept off standard output. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
