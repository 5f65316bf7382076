/** Text to abstract syntax tree, with a diagnostic for each mistake in writing. */
import type { CstNode, IRecognitionException, IToken } from 'chevrotain'
import type * as cst from '../../grammar/cst.js'
import { parse } from '../../grammar/parser.js'
import type { Report, Span } from '../diagnostics/diagnostic.js'
import { nestedTooDeeply, unclosed, unexpectedCharacter, unexpectedWord } from '../diagnostics/language.js'
import type * as ast from './ast.js'
import { ExpressionReader } from './expressions.js'

/** Reads a file; after mistakes the tree holds what could be recovered. */
export function readFile(path: string, text: string, report: Report): ast.File {
  const { tree, lexingErrors, parsingErrors, tooDeepAt } = parse(text)
  const at = (start: number, length: number): Span => ({ file: path, start, end: start + Math.max(1, length) })
  if (tooDeepAt !== undefined) report(nestedTooDeeply(), at(tooDeepAt, 1))
  for (const { offset, length } of lexingErrors) {
    report(unexpectedCharacter({ character: text.slice(offset, offset + Math.min(length, 20)) }), at(offset, length))
  }
  for (const error of parsingErrors) reportParsing(error, text, at, report)
  return tree === undefined ? { path, imports: [], models: [], blocks: [], settings: [] } : new FileReader(path).file(tree)
}

const names: Readonly<Record<string, string>> = { Name: 'a name', Identifier: 'a name', Number: 'a number', String: 'a text in double quotes', EOF: 'the end of the file' }
const closing: Readonly<Record<string, string>> = { RightBrace: '{', RightParenthesis: '(', RightBracket: '[' }

function reportParsing(error: IRecognitionException, text: string, at: (start: number, length: number) => Span, report: Report): void {
  const { token, previousToken } = withPrevious(error)
  const atEnd = token.tokenType.name === 'EOF'
  const found = atEnd ? 'the end of the file' : `\`${token.image.slice(0, 40)}\``
  const start = atEnd ? Math.max(0, text.trimEnd().length - 1) : token.startOffset
  const expected = expectedIn(error.message)
  const opener = expected.length === 1 ? closing[expected[0] ?? ''] : undefined
  if (atEnd && opener !== undefined) {
    const from = lastUnclosed(text, opener)
    report(unclosed({ opened: `\`${opener}\``, expected: `\`${{ '{': '}', '(': ')', '[': ']' }[opener] ?? ''}\`` }), at(from ?? start, 1))
    return
  }
  const main = at(start, atEnd ? 1 : token.image.length)
  const readable = expected.map((name) => names[name] ?? `\`${name}\``)
  const because = previousToken && !Number.isNaN(previousToken.startOffset) ? [{ span: at(previousToken.startOffset, previousToken.image.length), text: 'after this' }] : []
  report(unexpectedWord({ found, expected: readable.length > 6 ? [] : readable }), main, { because })
}

function withPrevious(error: IRecognitionException): { token: IToken; previousToken: IToken | undefined } {
  const previous = 'previousToken' in error ? (error.previousToken as IToken | undefined) : undefined
  return { token: error.token, previousToken: previous }
}

/** The token names in a message of the parser, which has them in no other form. */
function expectedIn(message: string): string[] {
  const single = /^Expecting token of type --> (\S+) <--/.exec(message)?.[1]
  if (single !== undefined) return [single]
  const several = [...message.matchAll(/\[([^[\]]+)\]/g)].map((match) => (match[1] ?? '').split(',')[0]?.trim() ?? '')
  return [...new Set(several.filter((name) => name !== ''))].map((name) => name.replaceAll("'", ''))
}

/** The last opening sign that no closing one answers. Text in quotes and remarks may mislead it; it is only a pointer. */
function lastUnclosed(text: string, opener: string): number | undefined {
  const open: number[] = []
  for (let i = 0; i < text.length; i++) {
    if (text[i] === opener) open.push(i)
    else if (text[i] === { '{': '}', '(': ')', '[': ']' }[opener]) open.pop()
  }
  return open.at(-1)
}

class FileReader extends ExpressionReader {
  file(tree: CstNode): ast.File {
    const { importStatement = [], model = [], block = [], settings = [] } = (tree as cst.FileCstNode).children
    return {
      path: this.path,
      imports: importStatement.flatMap((node) => this.#import(node)),
      models: model.flatMap((node) => this.#model(node)),
      blocks: block.flatMap((node) => this.#block(node)),
      settings: settings.flatMap((node) => this.#settings(node)),
    }
  }

  // After an error the parser leaves children out, whatever their types say: every one is looked for.

  #import({ children }: cst.ImportStatementCstNode): ast.Import[] {
    const from = this.first(children.String)
    return from === undefined ? [] : [{ names: this.all(children.Name).map((token) => this.named(token)), from: this.text(from) }]
  }

  #model({ children }: cst.ModelCstNode): ast.ModelSyntax[] {
    const [name, inner] = this.all(children.Name)
    const section = this.section(this.first(children.section))
    if (name === undefined || section === undefined) return []
    return [{ name: this.named(name), nests: inner === undefined ? undefined : this.named(inner), section }]
  }

  #settings({ children }: cst.SettingsCstNode): ast.SettingsSyntax[] {
    const name = this.first(children.Name)
    const section = this.section(this.first(children.section))
    if (name === undefined || section === undefined) return []
    return [{ kind: children.train ? 'train' : 'sample', name: this.named(name), section }]
  }

  #block({ children }: cst.BlockCstNode): ast.BlockSyntax[] {
    const name = this.first(children.Name)
    const body = this.first(children.body)
    if (name === undefined || body === undefined) return []
    const parameters = this.all(children.blockParameter).flatMap((node): ast.BlockParameter[] => {
      const parameter = this.first(node.children.Name)
      return parameter === undefined ? [] : [{ name: this.named(parameter), default: this.optional(node.children.expression) }]
    })
    return [{ name: this.named(name), parameters, body: this.#body(body) }]
  }

  #body({ children }: cst.BodyCstNode): ast.Statement[] {
    return this.all(children.statement).flatMap((node) => this.#statement(node))
  }

  #statement(node: cst.StatementCstNode): ast.Statement[] {
    const { returnStatement, orderStatement, forStatement, assignment } = node.children
    const span = this.spanOf(node)
    const returned = this.first(returnStatement)
    if (returned) return [{ kind: 'return', values: this.all(returned.children.expression).map((e) => this.expression(e)), span }]
    const order = this.first(orderStatement)
    if (order) return [{ kind: 'order', names: this.all(order.children.Name).map((token) => this.named(token)), span }]
    const loop = this.first(forStatement)
    if (loop) {
      const variable = this.first(loop.children.Name)
      const [from, to] = this.all(loop.children.expression)
      const body = this.first(loop.children.body)
      if (!variable || !from || !to || !body) return []
      return [{ kind: 'for', variable: this.named(variable), from: this.expression(from), to: this.expression(to), body: this.#body(body), span }]
    }
    const set = this.first(assignment)
    const value = this.first(set?.children.expression)
    if (!set || !value) return []
    return [{ kind: 'assign', targets: this.all(set.children.Name).map((token) => this.named(token)), value: this.expression(value), span }]
  }

  section(node: cst.SectionCstNode | undefined): ast.Section | undefined {
    if (node === undefined) return undefined
    const properties = this.all(node.children.property).flatMap((property): ast.Property[] => {
      const key = this.first(property.children.Name)
      if (key === undefined) return []
      const values = this.all(property.children.value).flatMap((value) => this.value(value))
      const section = this.section(this.first(property.children.section))
      return [{ key: this.named(key), values, section, span: this.spanOf(property) }]
    })
    return { properties, span: this.spanOf(node) }
  }

  value(node: cst.ValueCstNode): ast.PropertyValue[] {
    const span = this.spanOf(node)
    const { ratio, String: string, yes, none, no, list, reference } = node.children
    const text = this.first(string)
    if (text) return [{ kind: 'string', ...this.text(text) }]
    if (yes ?? no) return [{ kind: 'yesno', value: yes !== undefined, span }]
    if (none) return [{ kind: 'none', span }]
    const numbers = this.first(ratio)
    if (numbers) return [{ kind: 'numbers', numbers: this.all(numbers.children.signedNumber).flatMap((n) => this.number(n)), span }]
    const items = this.first(list)
    if (items) {
      const { signedNumber, String: texts } = items.children
      return [{ kind: 'list', items: [...this.all(signedNumber).flatMap((n) => this.number(n)), ...this.all(texts).map((t) => this.text(t))], span }]
    }
    const block = this.first(reference)
    const name = this.first(block?.children.Identifier)
    if (!block || !name) return []
    const given = this.first(block.children.callArguments)
    return [{ kind: 'reference', name: this.named(name), arguments: given && this.arguments(given), span }]
  }
}
