/** Text to abstract syntax tree, with a diagnostic for each mistake in writing. */
import type { CstNode, IToken } from 'chevrotain'
import { closingSign, type BracketProblem } from '../../grammar/brackets.js'
import type * as cst from '../../grammar/cst.js'
import { parse, parseTokens, type ParseResult } from '../../grammar/parser.js'
import { QuotedText, UnclosedString } from '../../grammar/tokens.js'
import type { Report, Span } from '../diagnostics/diagnostic.js'
import { nestedTooDeeply, strayBracket, unclosed, unexpectedCharacter } from '../diagnostics/language.js'
import type * as ast from './ast.js'
import { ExpressionReader } from './expressions.js'
import { explain, type Mistake } from './mistakes.js'

/** Reads a file; after mistakes the tree holds what could be recovered. */
export function readFile(path: string, text: string, report: Report): ast.File {
  const result = parse(text)
  const at = (start: number, length: number): Span => ({ file: path, start, end: start + Math.max(1, length) })
  if (result.tooDeepAt !== undefined) report(nestedTooDeeply(), at(result.tooDeepAt, 1))
  reportSigns(result, text, at, report)
  const { tree, damage } = reportAndRepair(result, path, text, report)
  if (tree === undefined) return { path, imports: [], models: [], blocks: [], settings: [], damaged: true }
  return new FileReader(path, damage).file(tree)
}

/** More mistakes than this of one kind are not shown, and not set right one by one. */
const most = 20

const isOddText = ({ tokenType }: IToken) => tokenType === QuotedText || tokenType === UnclosedString

type At = (start: number, length: number) => Span

/** What is wrong with single signs: unknown ones, texts without an end, brackets without a partner. */
function reportSigns(
  { lexingErrors, foreignRemarks, tokens, bracketProblems }: ParseResult,
  text: string,
  at: At,
  report: Report,
): void {
  for (const { offset, length } of lexingErrors.slice(0, most)) {
    const character = text.slice(offset, offset + Math.min(length, 20))
    const fix =
      character === ';' ? { fix: { title: 'remove it', edits: [{ span: at(offset, 1), replacement: '' }] } } : {}
    report(unexpectedCharacter({ character }), at(offset, length), fix)
  }
  for (const { startOffset, image } of foreignRemarks.slice(0, most)) {
    const sign = image.startsWith('#') ? '#' : '/*'
    const fix = { title: 'write `//`', edits: [{ span: at(startOffset, 1), replacement: '//' }] }
    report(unexpectedCharacter({ character: sign }), at(startOffset, sign.length), sign === '#' ? { fix } : {})
  }
  for (const { tokenType, startOffset, image } of tokens.filter(isOddText).slice(0, most)) {
    if (tokenType === QuotedText) {
      const fix = {
        title: 'write double quotes',
        edits: [{ span: at(startOffset, image.length), replacement: `"${image.slice(1, -1)}"` }],
      }
      report(unexpectedCharacter({ character: "'" }), at(startOffset, image.length), image.includes('"') ? {} : { fix })
    }
    if (tokenType === UnclosedString)
      report(unclosed({ opened: 'this text', expected: '"' }), at(startOffset, image.trimEnd().length))
  }
  for (const problem of bracketProblems.slice(0, most)) reportBracket(problem, at, report)
}

function reportBracket({ kind, token, before }: BracketProblem, at: At, report: Report): void {
  const main = at(token.startOffset, 1)
  if (kind === 'unclosed') {
    const because = before ? [{ span: at(before.startOffset, before.image.length), text: 'before this' }] : []
    report(unclosed({ opened: `\`${token.image}\``, expected: closingSign(token) }), main, { because })
  } else report(strayBracket({ found: token.image, opener: { '}': '{', ')': '(', ']': '[' }[token.image] ?? '' }), main)
}

/**
 * Reports what the parser stumbled over. A mistake that can be set right is, and the file is parsed again, so that it
 * hides none behind it and causes no further ones. `damage` is where the tree is not what was meant.
 */
function reportAndRepair(
  parsed: ParseResult,
  path: string,
  text: string,
  report: Report,
): { tree: CstNode | undefined; damage: readonly number[] } {
  let { tokens, tree, parsingErrors } = parsed
  const damage = [
    ...parsed.lexingErrors.filter(({ offset }) => text[offset] !== ';').map(({ offset }) => offset),
    ...parsed.bracketProblems.map(({ token }) => token.startOffset),
  ]
  for (let repairs = 0; repairs < most; repairs++) {
    const mistakes = withoutConsequences(
      parsingErrors.slice(0, most).map((error) => explain(error, path, text, tokens)),
      text,
    )
    const repairable = mistakes.find(({ repaired }) => repaired !== undefined)
    for (const { finding, span, because, fix } of repairable ? [repairable] : mistakes) {
      const consequence = damage.length > 0 && span.start >= text.trimEnd().length - 1
      if (!consequence) report(finding, span, { because, ...(fix ? { fix } : {}) })
      // With a fix, the tree holds what was meant once it is applied.
      if (repairable === undefined || fix === undefined) damage.push(span.start)
    }
    if (repairable?.repaired === undefined) break
    tokens = repairable.repaired
    ;({ tree, parsingErrors } = parseTokens(tokens))
  }
  return { tree, damage }
}

/** In the order of the file; what follows another mistake in the same line is mostly a consequence of it. */
function withoutConsequences(mistakes: readonly Mistake[], text: string): Mistake[] {
  const lineOf = ({ span }: Mistake) => text.lastIndexOf('\n', span.start - 1)
  const ordered = [...mistakes].sort((a, b) => a.span.start - b.span.start)
  return ordered.filter(
    (mistake, i) => i === 0 || (lineOf(mistake) !== lineOf(ordered[i - 1] ?? mistake) && !mistake.lost),
  )
}

class FileReader extends ExpressionReader {
  #starts: readonly number[] = []

  constructor(
    path: string,
    private readonly damage: readonly number[],
  ) {
    super(path)
  }

  file(tree: CstNode): ast.File {
    const { importStatement = [], model = [], block = [], settings = [] } = (tree as cst.FileCstNode).children
    const all: readonly CstNode[] = [...importStatement, ...model, ...block, ...settings]
    this.#starts = all.map((node) => node.location?.startOffset ?? 0).sort((a, b) => a - b)
    return {
      path: this.path,
      imports: importStatement.flatMap((node) => this.#import(node)),
      models: model.flatMap((node) => this.#model(node)),
      blocks: block.flatMap((node) => this.#block(node)),
      settings: settings.flatMap((node) => this.#settings(node)),
      damaged: this.damage.length > 0,
    }
  }

  /** Whether a mistake in writing stands between the beginning of this part and that of the next. */
  #damaged(node: CstNode): boolean {
    const start = node.location?.startOffset ?? 0
    const end = this.#starts.find((other) => other > start) ?? Infinity
    return this.damage.some((offset) => offset >= start && offset < end)
  }

  // After an error the parser leaves children out, whatever their types say: every one is looked for.

  #import({ children }: cst.ImportStatementCstNode): ast.Import[] {
    const from = this.first(children.String)
    return from === undefined || from.tokenType === UnclosedString
      ? []
      : [{ names: this.all(children.Name).map((token) => this.named(token)), from: this.text(from) }]
  }

  #model(node: cst.ModelCstNode): ast.ModelSyntax[] {
    const { children } = node
    const [name, inner] = this.all(children.Name)
    const section = this.section(this.first(children.section))
    if (name === undefined || section === undefined) return []
    return [
      {
        name: this.named(name),
        nests: inner === undefined ? undefined : this.named(inner),
        section,
        damaged: this.#damaged(node),
      },
    ]
  }

  #settings(node: cst.SettingsCstNode): ast.SettingsSyntax[] {
    const { children } = node
    const name = this.first(children.Name)
    const section = this.section(this.first(children.section))
    if (name === undefined || section === undefined) return []
    return [
      { kind: children.train ? 'train' : 'sample', name: this.named(name), section, damaged: this.#damaged(node) },
    ]
  }

  #block(node: cst.BlockCstNode): ast.BlockSyntax[] {
    const { children } = node
    const name = this.first(children.Name)
    const body = this.first(children.body)
    if (name === undefined || body === undefined) return []
    const parameters = this.all(children.blockParameter).flatMap((given): ast.BlockParameter[] => {
      const parameter = this.first(given.children.Name)
      return parameter === undefined
        ? []
        : [{ name: this.named(parameter), default: this.optional(given.children.expression) }]
    })
    return [{ name: this.named(name), parameters, body: this.#body(body), damaged: this.#damaged(node) }]
  }

  #body({ children }: cst.BodyCstNode): ast.Statement[] {
    return this.all(children.statement).flatMap((node) => this.#statement(node))
  }

  #statement(node: cst.StatementCstNode): ast.Statement[] {
    const { returnStatement, orderStatement, forStatement, assignment } = node.children
    const span = this.spanOf(node)
    const returned = this.first(returnStatement)
    if (returned)
      return [{ kind: 'return', values: this.all(returned.children.expression).map((e) => this.expression(e)), span }]
    const order = this.first(orderStatement)
    if (order) return [{ kind: 'order', names: this.all(order.children.Name).map((token) => this.named(token)), span }]
    const loop = this.first(forStatement)
    if (loop) {
      const variable = this.first(loop.children.Name)
      const [from, to] = this.all(loop.children.expression)
      const body = this.first(loop.children.body)
      if (!variable || !from || !to || !body) return []
      return [
        {
          kind: 'for',
          variable: this.named(variable),
          from: this.expression(from),
          to: this.expression(to),
          body: this.#body(body),
          span,
        },
      ]
    }
    const set = this.first(assignment)
    const value = this.first(set?.children.expression)
    if (!set || !value) return []
    return [
      {
        kind: 'assign',
        targets: this.all(set.children.Name).map((token) => this.named(token)),
        value: this.expression(value),
        span,
      },
    ]
  }

  section(node: cst.SectionCstNode | undefined): ast.Section | undefined {
    if (node === undefined) return undefined
    const properties = this.all(node.children.property).flatMap((property): ast.Property[] => {
      const key = this.first(property.children.Name)
      if (key === undefined) return []
      const word = this.first(property.children.word)
      const values = [
        ...(word ? this.#word(word) : []),
        ...this.all(property.children.value).flatMap((value) => this.value(value)),
      ]
      const section = this.section(this.first(property.children.section))
      return [{ key: this.named(key), values, section, span: this.spanOf(property) }]
    })
    return { properties, span: this.spanOf(node) }
  }

  #word(node: cst.WordCstNode): ast.PropertyValue[] {
    const name = this.first(node.children.Name)
    const given = this.first(node.children.callArguments)
    if (name === undefined) return []
    return [
      { kind: 'reference', name: this.named(name), arguments: given && this.arguments(given), span: this.spanOf(node) },
    ]
  }

  value(node: cst.ValueCstNode): ast.PropertyValue[] {
    const span = this.spanOf(node)
    const { ratio, String: string, yes, none, no, list, reference } = node.children
    const text = this.first(string)
    if (text) return [{ kind: 'string', ...this.text(text) }]
    if (yes ?? no) return [{ kind: 'yesno', value: yes !== undefined, span }]
    if (none) return [{ kind: 'none', span }]
    const numbers = this.first(ratio)
    if (numbers)
      return [
        { kind: 'numbers', numbers: this.all(numbers.children.signedNumber).flatMap((n) => this.number(n)), span },
      ]
    const items = this.first(list)
    if (items) {
      const { signedNumber, String: texts } = items.children
      return [
        {
          kind: 'list',
          items: [
            ...this.all(signedNumber).flatMap((n) => this.number(n)),
            ...this.all(texts).map((t) => this.text(t)),
          ],
          span,
        },
      ]
    }
    const block = this.first(reference)
    const name = this.first(block?.children.Identifier)
    if (!block || !name) return []
    const given = this.first(block.children.callArguments)
    return [{ kind: 'reference', name: this.named(name), arguments: given && this.arguments(given), span }]
  }
}
