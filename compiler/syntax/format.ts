/** The one way in which a file is written: `mdmc fmt`. Comments and the grouping by blank lines stay. */
import type { CstElement, CstNode, IToken } from 'chevrotain'
import { hasMistakes, parse } from '../../grammar/parser.js'
import { DiagnosticList, type Diagnostic } from '../diagnostics/diagnostic.js'
import { group, indent, join, mayBreak, mustBreak, place, render, text, type Layout } from './layout.js'
import { readFile } from './read.js'

export interface Formatted {
  /** The formatted text; undefined where mistakes in writing forbid it. */
  readonly text: string | undefined
  readonly diagnostics: readonly Diagnostic[]
}

/** Formats a file. Formatting the result again changes nothing. */
export function format(path: string, source: string): Formatted {
  const parsed = parse(source)
  const { tree, comments } = parsed
  if (hasMistakes(parsed) || tree === undefined) {
    const found = new DiagnosticList()
    readFile(path, source, found.report)
    return { text: undefined, diagnostics: found.all }
  }
  const layout = fileLayout(tree)
  place(
    layout,
    source,
    comments.map(({ image, startOffset }) => ({ text: image, start: startOffset })),
  )
  return { text: render(layout), diagnostics: [] }
}

/** Children in the order of the source. */
function parts(node: CstNode): CstElement[] {
  return Object.values(node.children)
    .flat()
    .sort((a, b) => startOf(a) - startOf(b))
}

function startOf(element: CstElement): number {
  return 'image' in element ? element.startOffset : (element.location?.startOffset ?? 0)
}

function token({ image, startOffset }: IToken): Layout {
  return { kind: 'token', text: image, start: startOffset }
}

function fileLayout(tree: CstNode): Layout {
  const items = parts(tree).map((part, i, all) => {
    const previous = all[i - 1]
    const imports = isNode(part, 'importStatement') && previous !== undefined && isNode(previous, 'importStatement')
    return join(
      previous === undefined ? mustBreak('first') : mustBreak(imports ? 'item' : 'declaration'),
      layoutOf(part),
    )
  })
  return join(...(items.length === 0 ? [mustBreak('first')] : items), ...(items.length === 0 ? [] : [mustBreak('end')]))
}

function isNode(element: CstElement, name: string): boolean {
  return 'children' in element && element.name === name
}

function layoutOf(element: CstElement): Layout {
  if ('image' in element) return token(element)
  return (rules[element.name] ?? tight)(element)
}

/** Children side by side. */
function tight(node: CstNode): Layout {
  return join(...parts(node).map(layoutOf))
}

function separated(items: readonly Layout[], separator: () => Layout): Layout {
  return join(...items.flatMap((item, i) => (i === 0 ? [item] : [separator(), item])))
}

/** Children with a space between, and commas close to what they follow. */
function spaced(node: CstNode): Layout {
  return join(
    ...parts(node).flatMap((part, i) =>
      i === 0 || isToken(part, ',') ? [layoutOf(part)] : [text(' '), layoutOf(part)],
    ),
  )
}

function isToken(element: CstElement | undefined, image: string): boolean {
  return element !== undefined && 'image' in element && element.image === image
}

/** Items between two signs; broken, one on each line. */
function bracketed(open: Layout, items: readonly Layout[], close: Layout): Layout {
  if (items.length === 0) return join(open, close)
  const separator = () => join(text(','), mayBreak(' '))
  return group(open, indent(mayBreak(''), separated(items, separator)), mayBreak('', 'last'), close)
}

/** A rule that is an opening sign, items between commas, and a closing sign. */
function enclosed(node: CstNode): Layout {
  const all = parts(node)
  const items = all.slice(1, -1).filter((part) => !isToken(part, ','))
  const [open, close] = [all[0], all.at(-1)]
  return open && close ? bracketed(layoutOf(open), items.map(layoutOf), layoutOf(close)) : tight(node)
}

/** A list of literals: as many on each line as fit. */
function literals(node: CstNode): Layout {
  const all = parts(node)
  const [open, close] = [all[0], all.at(-1)]
  const [first, ...more] = all
    .slice(1, -1)
    .filter((part) => !isToken(part, ','))
    .map(layoutOf)
  if (!open || !close || !first) return tight(node)
  const rest = more.map((item) => join(text(','), group(mayBreak(' '), item)))
  return group(layoutOf(open), indent(mayBreak(''), first, ...rest), mayBreak('', 'last'), layoutOf(close))
}

/** Operands and operators in turn; broken, each operator begins a line. */
function chain(node: CstNode): Layout {
  const [first, ...rest] = parts(node)
  if (first === undefined || rest.length === 0) return tight(node)
  const steps = rest.map((part, i) =>
    i % 2 === 0 ? join(mayBreak(' '), layoutOf(part)) : join(text(' '), layoutOf(part)),
  )
  return group(layoutOf(first), indent(...steps))
}

/** Braces around properties. On one line where they fit, have no remarks and no sections of their own. */
function section(node: CstNode): Layout {
  const all = parts(node)
  const [open, close] = [all[0], all.at(-1)]
  const properties = all.slice(1, -1)
  if (!open || !close) return tight(node)
  if (properties.length === 0) return group(layoutOf(open), mayBreak('', 'last'), layoutOf(close))
  const lines = separated(properties.map(layoutOf), () => mayBreak('  ', 'item'))
  const result = group(layoutOf(open), indent(mayBreak(' ', 'first'), lines), mayBreak(' ', 'last'), layoutOf(close))
  result.broken = properties.some((property) => 'children' in property && property.children.section !== undefined)
  return result
}

/** Braces around statements, one on each line. */
function body(node: CstNode): Layout {
  const all = parts(node)
  const [open, close] = [all[0], all.at(-1)]
  const statements = all.slice(1, -1)
  if (!open || !close) return tight(node)
  if (statements.length === 0) return group(layoutOf(open), mayBreak('', 'last'), layoutOf(close))
  const lines = separated(statements.map(layoutOf), () => mustBreak('item'))
  return join(layoutOf(open), indent(mustBreak('first'), lines), mustBreak('last'), layoutOf(close))
}

/** `block NAME(parameters) body`. */
function block(node: CstNode): Layout {
  const all = parts(node)
  const [open, close] = [all.findIndex((part) => isToken(part, '(')), all.findIndex((part) => isToken(part, ')'))]
  const [opening, closing] = [all[open], all[close]]
  if (!opening || !closing) return spaced(node)
  const parameters = all.slice(open + 1, close).filter((part) => !isToken(part, ','))
  const head = separated(all.slice(0, open).map(layoutOf), () => text(' '))
  const tail = all.slice(close + 1).map(layoutOf)
  return join(head, bracketed(layoutOf(opening), parameters.map(layoutOf), layoutOf(closing)), text(' '), ...tail)
}

/** `if a then b else c`; a chain of them stays at one level. */
function conditional(node: CstNode): Layout {
  return group(conditionalHead(node), indent(...conditionalTail(node)))
}

function conditionalHead(node: CstNode): Layout {
  return separated(parts(node).slice(0, 2).map(layoutOf), () => text(' '))
}

function conditionalTail(node: CstNode): Layout[] {
  const [, , then, value, otherwise, last] = parts(node)
  if (!then || !value || !otherwise || !last) return [text(' '), tight(node)]
  const next = 'children' in last ? last.children.conditional?.[0] : undefined
  const end = next && 'children' in next ? [conditionalHead(next), ...conditionalTail(next)] : [layoutOf(last)]
  return [
    mayBreak(' '),
    layoutOf(then),
    text(' '),
    layoutOf(value),
    mayBreak(' '),
    layoutOf(otherwise),
    text(' '),
    ...end,
  ]
}

/** `return` and its values. */
function returned(node: CstNode): Layout {
  const [word, ...rest] = parts(node)
  const [first, ...more] = rest.filter((part) => !isToken(part, ',')).map(layoutOf)
  if (!word || !first) return tight(node)
  const others = more.map((value) => join(text(','), mayBreak(' '), value))
  return group(layoutOf(word), text(' '), first, indent(...others))
}

/** `for i in a..b body`. */
function loop(node: CstNode): Layout {
  return join(
    ...parts(node).flatMap((part, i, all) => {
      const close = i === 0 || isToken(part, '..') || isToken(all[i - 1], '..')
      return close ? [layoutOf(part)] : [text(' '), layoutOf(part)]
    }),
  )
}

function signs(node: CstNode): Layout {
  return join(...parts(node).map((part) => (isToken(part, 'not') ? join(layoutOf(part), text(' ')) : layoutOf(part))))
}

/** A label or an argument's name stays close to its colon. */
function labelled(node: CstNode): Layout {
  return join(
    ...parts(node).map((part, i, all) =>
      join(layoutOf(part), isToken(part, ':') || (isNode(part, 'label') && all[i + 1]) ? text(' ') : text('')),
    ),
  )
}

/** A step of a pipeline; an empty argument list adds nothing to it. */
function stage(node: CstNode): Layout {
  const given = node.children.callArguments?.[0]
  if (given && 'children' in given && given.children.argument === undefined) {
    const { callArguments: _, ...children } = node.children
    return labelled({ ...node, children })
  }
  return labelled(node)
}

/** How each rule of the grammar is laid out, where its parts do not just stand side by side. */
const rules: Readonly<Record<string, (node: CstNode) => Layout>> = {
  importStatement: spaced,
  model: spaced,
  settings: spaced,
  property: spaced,
  section,
  list: literals,
  block,
  blockParameter: spaced,
  body,
  returnStatement: returned,
  orderStatement: spaced,
  forStatement: loop,
  assignment: spaced,
  conditional,
  pipeline: chain,
  stage,
  disjunction: chain,
  conjunction: chain,
  negation: signs,
  comparison: chain,
  addition: chain,
  multiplication: chain,
  unary: signs,
  shapeLiteral: enclosed,
  parenthesised: enclosed,
  callArguments: enclosed,
  argument: labelled,
}
