/** A configuration of the reference implementation to the text of an .mdm file. */
import type { Finding, Report } from '../diagnostics/diagnostic.js'
import { readReference, type Reference } from './reference.js'
import { writeMdm } from './write.js'

export interface ImportOptions {
  /** Name of the outermost model, where the file gives none. */
  readonly name: string
  /** Side of the image, where the file gives none. */
  readonly side?: number | undefined
}

/** The .mdm text, or undefined where the configuration cannot be imported (which is reported). */
export function importReference(file: string, text: string, options: ImportOptions, report: Report): string | undefined {
  const errors: Finding[] = []
  const reference = readReference(file, text, (finding, ...place) => {
    if (finding.severity === 'error') errors.push(finding)
    report(finding, ...place)
  })
  if (reference === undefined || errors.length > 0) return undefined
  return writeReference(file, reference, options, report)
}

/** As importReference, for a configuration that was read already. */
export function writeReference(file: string, reference: Reference, options: ImportOptions, report: Report): string | undefined {
  const name = asName(reference.name ?? options.name)
  return writeMdm(reference, { name, side: options.side, span: { file, start: 0, end: 1 }, report })
}

/** A word of the language from any text. */
function asName(text: string): string {
  const name = text.replace(/\W+/g, '_').replace(/^(?=\d)/, 'model_')
  return name === '' ? 'model' : name
}
