/** A file and all that it imports, with the names that each file sees. */
import { DiagnosticList, type Report, type Span } from '../diagnostics/diagnostic.js'
import { circular, duplicateName, missingFile, notExported } from '../diagnostics/language.js'
import type * as ast from '../syntax/ast.js'
import { readFile } from '../syntax/read.js'

/** Where sources come from: the disk for the command line, memory for tests and the browser. */
export interface SourceHost {
  /** The text of a file, or undefined where there is none. */
  read(path: string): string | undefined
  /** The file that `to` means when it stands in `from`. Paths that begin with `std/` are mdmc's own. */
  resolve(from: string, to: string): string
}

export type Definition =
  | { readonly kind: 'model'; readonly syntax: ast.ModelSyntax; readonly file: LoadedFile }
  | { readonly kind: 'block'; readonly syntax: ast.BlockSyntax; readonly file: LoadedFile }

export interface LoadedFile {
  readonly syntax: ast.File
  /** What a name means in this file: its own definitions, its imports, and the standard blocks. */
  readonly names: Map<string, Definition>
  /** Whether mistakes in writing or in imports, which are reported, may hide definitions. */
  incomplete: boolean
}

export interface Program {
  readonly main: LoadedFile
  readonly files: ReadonlyMap<string, LoadedFile>
  /** Every source that was read, for showing diagnostics. */
  readonly sources: ReadonlyMap<string, string>
}

/** The file whose blocks every other file sees without importing them. */
const standardBlocks = 'std/blocks.mdm'

/** Reads `path` and its imports. Undefined only where the file itself cannot be read. */
export function load(path: string, host: SourceHost, report: Report): Program | undefined {
  const files = new Map<string, LoadedFile>()
  const sources = new Map<string, string>()
  const reading: string[] = []

  const visit = (file: string, cause: Span | undefined, written: string): LoadedFile | undefined => {
    const known = files.get(file)
    if (reading.includes(file)) {
      report(circular({ what: 'imports', chain: [...reading.slice(reading.indexOf(file)), file] }), cause)
      return undefined
    }
    if (known) return known
    const text = host.read(file)
    if (text === undefined) {
      report(missingFile({ path: written, imported: cause !== undefined }), cause)
      return undefined
    }
    sources.set(file, text)
    const prelude = host.resolve(file, standardBlocks)
    const syntax = file === prelude ? readPrelude(file, text, report) : readFile(file, text, report)
    const loaded: LoadedFile = { syntax, names: new Map(), incomplete: syntax.damaged }
    files.set(file, loaded)
    reading.push(file)
    if (file !== prelude)
      for (const [name, definition] of visit(prelude, undefined, standardBlocks)?.names ?? [])
        loaded.names.set(name, definition)
    define(loaded, report, (from) => visit(host.resolve(file, from.text), from.span, from.text))
    reading.pop()
    return loaded
  }

  const main = visit(path, undefined, path)
  return main && { main, files, sources }
}

let lastPrelude: { readonly text: string; readonly syntax: ast.File } | undefined

/** The standard blocks are read with every file, mostly unchanged, so the last syntax tree is kept. */
function readPrelude(file: string, text: string, report: Report): ast.File {
  if (lastPrelude?.text === text && lastPrelude.syntax.path === file) return lastPrelude.syntax
  const found = new DiagnosticList()
  const syntax = readFile(file, text, found.report)
  for (const { labels, fixes, ...finding } of found.all) {
    const [main, ...because] = labels
    report(finding, main?.span, { because, ...(fixes[0] ? { fix: fixes[0] } : {}) })
  }
  if (found.all.length === 0) lastPrelude = { text, syntax }
  return syntax
}

/** Gives a file its own names and those it imports. */
function define(file: LoadedFile, report: Report, visit: (from: ast.Named) => LoadedFile | undefined): void {
  const places = new Map<string, Span>()
  const add = (name: ast.Named, definition: Definition) => {
    const before = places.get(name.text)
    if (before)
      report(duplicateName({ what: definition.kind, name: name.text }), name.span, {
        because: [{ span: before, text: 'first here' }],
      })
    else file.names.set(name.text, definition)
    places.set(name.text, name.span)
  }
  for (const { names, from } of file.syntax.imports) {
    const source = visit(from)
    if (source === undefined) {
      file.incomplete = true
      continue
    }
    for (const name of names) {
      const definition = source.names.get(name.text)
      if (definition) add(name, definition)
      else if (!source.incomplete)
        report(notExported({ name: name.text, path: from.text, known: exported(source) }), name.span)
    }
  }
  for (const syntax of file.syntax.models) add(syntax.name, { kind: 'model', syntax, file })
  for (const syntax of file.syntax.blocks) add(syntax.name, { kind: 'block', syntax, file })
}

function exported(file: LoadedFile): string[] {
  return [...file.syntax.models, ...file.syntax.blocks].map(({ name }) => name.text)
}
