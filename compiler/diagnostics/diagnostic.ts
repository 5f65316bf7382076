/** Diagnostics as plain values: what is wrong, where, why, and what to do about it. */

/** A range of characters in one source; `end` is exclusive. */
export interface Span {
  readonly file: string
  readonly start: number
  readonly end: number
}

/** A place that a diagnostic points at; the first one of a diagnostic is its main place. */
export interface Label {
  readonly span: Span
  /** What this place has to do with it; the main place usually needs no words. */
  readonly text?: string
}

/** A change of the source that removes the cause. Applied by `mdmc check --fix` and by editors. */
export interface Fix {
  readonly title: string
  readonly edits: readonly { readonly span: Span; readonly replacement: string }[]
}

export type Severity = 'error' | 'warning'

/** What a catalogue entry makes of its parameters: a finding without a place yet. */
export interface Finding {
  readonly code: string
  readonly severity: Severity
  readonly message: string
  readonly reason?: string
  readonly help?: string
}

/** A finding at its places. Findings about a file as a whole (weights, YAML) may have no place. */
export interface Diagnostic extends Finding {
  readonly labels: readonly Label[]
  readonly fixes: readonly Fix[]
}

/** Receives every diagnostic of a run; nothing is thrown for bad input. */
export type Report = (
  finding: Finding,
  main: Span | undefined,
  more?: { because?: readonly Label[]; fix?: Fix },
) => void

/** Collects diagnostics, dropping exact repetitions (one block used in twenty places errs once). */
export class DiagnosticList {
  readonly all: Diagnostic[] = []
  readonly #seen = new Set<string>()

  readonly report: Report = (finding, main, more = {}) => {
    const key = `${finding.code} ${finding.message} ${main?.file}:${main?.start}-${main?.end}`
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    const labels = [...(main ? [{ span: main }] : []), ...(more.because ?? [])]
    this.all.push({ ...finding, labels, fixes: more.fix ? [more.fix] : [] })
  }

  get hasErrors(): boolean {
    return this.all.some((diagnostic) => diagnostic.severity === 'error')
  }
}

/**
 * A report that says each kind of mistake once at each place: a block used in twenty levels has its mistake in one
 * line, however the sizes there differ.
 */
export function oncePerPlace(report: Report): Report {
  const seen = new Set<string>()
  return (finding, main, more) => {
    const key = `${finding.code} ${main?.file}:${main?.start}-${main?.end}`
    if (main && seen.has(key)) return
    seen.add(key)
    report(finding, main, more)
  }
}

/** Diagnostics in the order of their places; those without one come first. */
export function inOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const files = [...new Set(diagnostics.map(({ labels }) => labels[0]?.span.file ?? ''))]
  const place = ({ labels }: Diagnostic) => ({
    file: files.indexOf(labels[0]?.span.file ?? ''),
    start: labels[0]?.span.start ?? -1,
  })
  return [...diagnostics].sort((a, b) => place(a).file - place(b).file || place(a).start - place(b).start)
}

interface Entry<Parameters> {
  /** `MDM` and four digits; a code never changes its meaning. */
  readonly code: string
  readonly severity?: Severity
  readonly message: (parameters: Parameters) => string
  /** Why it is wrong. */
  readonly reason?: string | ((parameters: Parameters) => string | undefined)
  /** What to do about it. */
  readonly help?: string | ((parameters: Parameters) => string | undefined)
}

/** A declared diagnostic: called with its parameters, it gives a finding. */
export type Declared<Parameters> = ((parameters: Parameters) => Finding) & { readonly code: string }

/** Declares one diagnostic of the catalogue. */
export function diagnostic<Parameters = void>(entry: Entry<Parameters>): Declared<Parameters> {
  const { code } = entry
  const text = (value: string | ((parameters: Parameters) => string | undefined) | undefined, p: Parameters) =>
    typeof value === 'function' ? value(p) : value
  const finding = (parameters: Parameters): Finding => {
    const reason = text(entry.reason, parameters)
    const help = text(entry.help, parameters)
    return {
      code,
      severity: entry.severity ?? 'error',
      message: entry.message(parameters),
      ...(reason === undefined ? {} : { reason }),
      ...(help === undefined ? {} : { help }),
    }
  }
  return Object.assign(finding, { code })
}
