/** Syntax trees as plain values without places, for comparing what two texts mean. */
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import type { File } from '../../compiler/syntax/ast.js'
import { readFile } from '../../compiler/syntax/read.js'

/** The tree of a text, and the codes of its mistakes in writing. */
export function read(text: string): { readonly file: File; readonly codes: readonly string[] } {
  const found = new DiagnosticList()
  const file = readFile('test.mdm', text, found.report)
  return { file, codes: found.all.map(({ code }) => code) }
}

/** A value without any `span` in it. */
export function withoutPlaces(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key === 'span' ? undefined : inner)))
}
