/** Tables as text: a line of column names, then a line per row. */
import { readFile } from 'node:fs/promises'
import { CsvError, parse } from 'csv-parse/sync'

/** A row by its columns' names. */
export type TableRow = Readonly<Record<string, string>>

/** A text that is no table. */
export class TableFault extends Error {
  constructor(
    readonly problem: string,
    /** Where, counted from 1. */
    readonly line: number,
  ) {
    super(problem)
  }
}

/**
 * The rows of a table, separated by `delimiter`. Fields may stand in double quotes; rows may be longer or shorter than
 * the first. Throws a TableFault, or the system's error where the file cannot be read.
 */
export async function tableRows(
  path: string,
  delimiter: string,
): Promise<{ columns: readonly string[]; rows: readonly TableRow[] }> {
  const [columns = [], ...values] = linesIn(await readFile(path), delimiter)
  const rows = values.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i] ?? ''])))
  return { columns, rows }
}

function linesIn(text: Uint8Array, delimiter: string): readonly (readonly string[])[] {
  const tolerant = { bom: true, relax_quotes: true, relax_column_count: true, skip_empty_lines: true }
  try {
    return parse(text, { delimiter, ...tolerant })
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    const line = Number(error.lines)
    throw new TableFault(
      error.code === 'CSV_QUOTE_NOT_CLOSED' ? 'a quotation mark is never closed' : error.message,
      line,
    )
  }
}
