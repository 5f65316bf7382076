/** The tables that img2dataset writes beside what it has downloaded. */
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { parquetUnreadable } from '../../compiler/diagnostics/data.js'
import { wholeFile } from '../weights/failure.js'
import { captionOf } from './example.js'

/** Captions by key; what cannot be read is told as a warning, and gives none. */
export async function parquetCaptions(path: string, report: Report): Promise<ReadonlyMap<string, string>> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet')
  const unreadable = (problem: string) => {
    report(parquetUnreadable({ problem }), wholeFile(path))
    return new Map<string, string>()
  }
  try {
    const file = await asyncBufferFromFile(path)
    const metadata = await parquetMetadataAsync(file)
    const columns = ['key', 'caption']
    const present = parquetSchema(metadata).children.map(({ element }) => element.name)
    const absent = columns.find((column) => !present.includes(column))
    if (absent !== undefined) return unreadable(`it has no column \`${absent}\``)
    const rows = await parquetReadObjects({ file, metadata, columns })
    return new Map(
      rows.flatMap(({ key, caption }): [string, string][] => {
        const words = captionOf(caption)
        return typeof key === 'string' && words !== undefined ? [[key, words]] : []
      }),
    )
  } catch (error) {
    // hyparquet throws errors of all kinds at files that are none of its own.
    return unreadable(error instanceof Error ? error.message : String(error))
  }
}
