/** YAML text to a document, in bounded time, stack and memory whatever the text is. */
import {
  Composer,
  isAlias,
  isMap,
  Parser,
  visit,
  type Alias,
  type CST,
  type Document,
  type Node,
  type YAMLMap,
} from 'yaml'
import type { Report } from '../diagnostics/diagnostic.js'
import * as say from '../diagnostics/import.js'

/** A configuration has a few thousand characters, a recorded case a hundred thousand. */
const longest = 2 ** 20
/** The composer of the library recurses; a configuration of five nested parts has eight levels. */
const deepest = 64

/** Beyond these, more tell nothing new. */
const mostFaults = 10

/** A file's outermost mapping, and what its aliases stand for. */
export interface YamlFile {
  readonly map: YAMLMap
  /** The value of a node: itself, or what an alias refers to. */
  readonly resolve: (node: unknown) => unknown
}

/** Reads YAML or JSON. Keys may repeat, as in the reference's own files; whoever reads a key decides about that. */
export function readYaml(file: string, text: string, report: Report): YamlFile | undefined {
  const refuse = (problem: string, start = 0, end = start + 1) =>
    report(say.badYaml({ problem }), { file, start, end: Math.max(start + 1, end) })
  const tokens = readTokens(text)
  if ('problem' in tokens) {
    refuse(tokens.problem, tokens.offset)
    return undefined
  }
  const [document, second] = [...new Composer({ uniqueKeys: false }).compose(tokens)]
  const faults = [...(document?.errors ?? []), ...(document?.warnings ?? [])]
  for (const { message, pos } of faults.slice(0, mostFaults)) refuse(message.split('\n')[0] ?? '', pos[0], pos[1])
  if (second) refuse('it holds several documents', second.range[0])
  if (faults.length > 0 || second) return undefined
  if (!document || !isMap(document.contents)) {
    report(say.noConfiguration(), { file, start: 0, end: 1 })
    return undefined
  }
  const { resolve, lost } = resolver(document)
  if (lost === undefined) return { map: document.contents, resolve }
  refuse(`nothing has the name \`${lost.source.slice(0, 80)}\``, lost.range?.[0], lost.range?.[1])
  return undefined
}

/** Characters that no YAML file may have. */
const forbidden = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u

interface Fault {
  readonly problem: string
  readonly offset: number
}

/** The syntax of a file, or what forbids to look closer. */
function readTokens(text: string): CST.Token[] | Fault {
  if (text.length > longest)
    return { problem: `it has ${text.length} characters, and ${longest} are the limit`, offset: 0 }
  const found = forbidden.exec(text)
  if (found) return { problem: 'it has characters that no YAML file may have', offset: found.index }
  const tokens = [...new Parser().parse(text)]
  const deep = tokens.map(tooDeep).find((offset) => offset !== undefined)
  return deep === undefined ? tokens : { problem: `it is nested more than ${deepest} deep`, offset: deep }
}

/** Where a token is nested too deep, without recursion. */
function tooDeep(token: CST.Token): number | undefined {
  const open: { readonly token: CST.Token; readonly depth: number }[] = [{ token, depth: 0 }]
  for (let next = open.pop(); next; next = open.pop()) {
    const { depth } = next
    if (depth > deepest) return next.token.offset
    for (const child of childrenOf(next.token)) open.push({ token: child, depth: depth + 1 })
  }
  return undefined
}

function childrenOf(token: CST.Token): CST.Token[] {
  if (token.type === 'document') return token.value ? [token.value] : []
  if (!('items' in token)) return []
  return token.items.flatMap(({ key, value }) => [key ?? [], value ?? []].flat())
}

/** An alias means the last node of its name before it. `lost` is one that has none. */
function resolver(document: Document): {
  readonly resolve: (node: unknown) => unknown
  readonly lost: Alias | undefined
} {
  const anchored = new Map<string, Node[]>()
  const aliases: Alias[] = []
  visit(document, {
    Alias: (_, alias) => void aliases.push(alias),
    Value: (_, node) => {
      if (node.anchor === undefined) return
      const same = anchored.get(node.anchor)
      if (same) same.push(node)
      else anchored.set(node.anchor, [node])
    },
  })
  const target = ({ source, range }: Alias) =>
    anchored.get(source)?.findLast((node) => (node.range?.[0] ?? 0) < (range?.[0] ?? 0))
  return {
    resolve: (node) => (isAlias(node) ? target(node) : node),
    lost: aliases.find((alias) => target(alias) === undefined),
  }
}
