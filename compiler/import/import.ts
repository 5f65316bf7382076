/** A configuration of the reference implementation to the text of an .mdm file. */
import type { Finding, Report } from '../diagnostics/diagnostic.js'
import { InternalError } from '../diagnostics/internal.js'
import { format } from '../syntax/format.js'
import { asName } from './names.js'
import { placeParts } from './place.js'
import { readReference, type Reference } from './reference.js'
import { writeMdm } from './write.js'

export interface ImportOptions {
  /** Name of the outermost model, instead of the one that the file gives or has. */
  readonly name?: string | undefined
  /** Side of the image (of the grid of frames for a video), where the file gives none or another is wanted. */
  readonly side?: number | undefined
}

/**
 * The .mdm text, laid out as `mdmc fmt` does, or undefined where the configuration cannot be imported (which is
 * reported). Sizes that no network can have, such as channels that groups do not divide, are left to the checker.
 */
export function importReference(
  file: string,
  text: string,
  options: ImportOptions,
  report: Report,
): string | undefined {
  const errors: Finding[] = []
  const reference = readReference(file, text, (finding, ...place) => {
    if (finding.severity === 'error') errors.push(finding)
    report(finding, ...place)
  })
  if (reference === undefined || errors.length > 0) return undefined
  return writeReference(file, reference, options, report)
}

/** As importReference, for a configuration that was read already. */
function writeReference(
  file: string,
  reference: Reference,
  options: ImportOptions,
  report: Report,
): string | undefined {
  const name = asName(options.name ?? reference.name ?? stem(file))
  const span = { file, start: 0, end: 1 }
  const placed = placeParts(reference.unet, options.side ?? reference.side, name, span, report)
  if (placed === undefined) return undefined
  const written = format(`${name}.mdm`, writeMdm(reference, placed))
  const [fault] = written.diagnostics
  if (written.text === undefined) throw new InternalError(`an imported model cannot be read: ${fault?.message ?? ''}`)
  return written.text
}

/** The name of a file without folders and ending. */
function stem(file: string): string {
  return file.replace(/^.*[/\\]/, '').replace(/\.[^.]*$/, '')
}
