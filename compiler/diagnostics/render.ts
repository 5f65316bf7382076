/** Diagnostics as text: message, source lines with every cause marked, reason and help. */
import type { Diagnostic, Label } from './diagnostic.js'

/** Colours of a terminal, or none. */
export interface Paint {
  readonly error: (text: string) => string
  readonly warning: (text: string) => string
  readonly help: (text: string) => string
  readonly faint: (text: string) => string
}

const same = (text: string) => text
const plain: Paint = { error: same, warning: same, help: same, faint: same }

/** Line and column (from 1) of a character offset. */
export function position(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}

interface Mark {
  readonly label: Label
  readonly line: number
  readonly column: number
  readonly width: number
  readonly main: boolean
}

/** Tabs count as one column, so that marks stand under what they mark; a very long line is cut around its mark. */
function sourceLine(text: string, line: number): string {
  // Other control characters could do anything to a terminal.
  return (text.split('\n')[line - 1] ?? '')
    .replaceAll('\t', ' ')
    .replaceAll('\r', '')
    .replace(/\p{Cc}/gu, '\u00b7')
}

const longestLine = 160

function frame(text: string, marks: readonly Mark[], paint: Paint, severity: Diagnostic['severity']): string[] {
  const width = String(Math.max(...marks.map((mark) => mark.line))).length + 1
  const gutter = (number: string) => paint.faint(` ${number.padStart(width)} | `)
  const ordered = [...marks].sort((a, b) => a.line - b.line || a.column - b.column)
  const lines: string[] = []
  let shown = 0
  for (const mark of ordered) {
    const cut = Math.max(0, mark.column + mark.width > longestLine ? mark.column - 40 : 0)
    if (mark.line !== shown)
      lines.push(gutter(String(mark.line)) + sourceLine(text, mark.line).slice(cut, cut + longestLine))
    shown = mark.line
    const underline = (mark.main ? '^' : '-').repeat(
      Math.max(1, Math.min(mark.width, longestLine - mark.column + cut + 1)),
    )
    const words = mark.label.text === undefined ? '' : ` ${mark.label.text}`
    const colour = mark.main ? paint[severity] : paint.help
    lines.push(gutter('') + ' '.repeat(Math.max(0, mark.column - 1 - cut)) + colour(underline + words))
  }
  return lines
}

/**
 * The text a user reads for one diagnostic. `sources` maps file names to their text; a label of an
 * unknown file is given by name only.
 */
export function renderDiagnostic(
  diagnostic: Diagnostic,
  sources: ReadonlyMap<string, string>,
  paint: Paint = plain,
): string {
  const lines = [paint[diagnostic.severity](`${diagnostic.severity} ${diagnostic.code}`) + `: ${diagnostic.message}`]
  const files = [...new Set(diagnostic.labels.map((label) => label.span.file))]
  for (const file of files) {
    const text = sources.get(file)
    const labels = diagnostic.labels.filter((label) => label.span.file === file)
    if (text === undefined) {
      lines.push(`  ${file}`)
      continue
    }
    const marks = labels.map((label): Mark => {
      const start = position(text, label.span.start)
      const lineEnd = text.indexOf('\n', label.span.start)
      const end = Math.min(label.span.end, lineEnd < 0 ? text.length : lineEnd)
      return { label, ...start, width: end - label.span.start, main: label === diagnostic.labels[0] }
    })
    const first = marks.find((mark) => mark.main) ?? marks[0]
    if (first) lines.push(`  ${file}:${first.line}:${first.column}`)
    lines.push(...frame(text, marks, paint, diagnostic.severity))
  }
  if (diagnostic.reason !== undefined) lines.push(`  ${diagnostic.reason}`)
  if (diagnostic.help !== undefined) lines.push(`  ${paint.help('help')}: ${diagnostic.help}`)
  return lines.join('\n')
}

/** Applies the fixes of `diagnostics` to one source; of overlapping edits only the first is made. */
export function applyFixes(
  file: string,
  text: string,
  diagnostics: readonly Diagnostic[],
): { text: string; applied: number } {
  const edits = diagnostics
    .flatMap((d) => d.fixes)
    .flatMap((fix) => fix.edits)
    .filter((edit) => edit.span.file === file)
  edits.sort((a, b) => a.span.start - b.span.start || a.span.end - b.span.end)
  let result = ''
  let at = 0
  let applied = 0
  for (const { span, replacement } of edits) {
    if (span.start < at) continue
    result += text.slice(at, span.start) + replacement
    at = span.end
    applied++
  }
  return { text: result + text.slice(at), applied }
}
