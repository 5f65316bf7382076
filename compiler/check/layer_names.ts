/** Which layers a block has, as far as that can be told without running it. */
import type * as ast from '../syntax/ast.js'
import { signatureOf } from './functions.js'
import type { LoadedFile } from './load.js'

export type Call = ast.Expression & { readonly kind: 'call' }

export interface LayerNames {
  /** What the names of its layers begin with, in the checkpoint. */
  readonly names: readonly string[]
  /** Whether everything that the block calls is known. */
  readonly complete: boolean
}

/** Longer chains of blocks are refused when they are built. */
const deepest = 64
const found = new WeakMap<ast.BlockSyntax, LayerNames>()

/** The layers of a block and of the blocks that it calls. */
export function layerNames(
  block: ast.BlockSyntax,
  file: LoadedFile,
  open: readonly ast.BlockSyntax[] = [],
): LayerNames {
  if (open.length > deepest || open.includes(block) || block.damaged) return { names: [], complete: false }
  const known = found.get(block)
  if (known) return known
  const names = new Set<string>()
  let complete = true
  for (const { label, callee } of callsIn(block)) {
    const first = label?.parts[0]
    const begin = first && 'text' in first ? first.text : undefined
    const definition = file.names.get(callee.text)
    if (definition?.kind === 'block') {
      const inner = layerNames(definition.syntax, definition.file, [...open, block])
      complete &&= inner.complete
      if (begin === undefined) for (const name of inner.names) names.add(name)
      else if (inner.names.length > 0) names.add(begin)
    } else {
      const signature = signatureOf(callee.text)
      complete &&= signature !== undefined
      if (signature?.layer && begin !== undefined) names.add(begin)
    }
  }
  const result = { names: [...names], complete }
  found.set(block, result)
  return result
}

const calls = new WeakMap<ast.BlockSyntax, readonly Call[]>()

/** Every call in a block, in the order of evaluation. */
export function callsIn(block: ast.BlockSyntax): readonly Call[] {
  const known = calls.get(block)
  if (known) return known
  const found = findCalls(block)
  calls.set(block, found)
  return found
}

function findCalls(block: ast.BlockSyntax): Call[] {
  const found: Call[] = []
  const expression = (e: ast.Expression): void => {
    if (e.kind === 'shape') e.items.forEach(expression)
    else if (e.kind === 'unary') expression(e.operand)
    else if (e.kind === 'binary') [e.left, e.right].forEach(expression)
    else if (e.kind === 'if') [e.condition, e.then, e.otherwise].forEach(expression)
    else if (e.kind === 'call') {
      if (e.piped) expression(e.piped)
      for (const { value } of e.arguments) expression(value)
      for (const part of e.label?.parts ?? []) if ('index' in part) expression(part.index)
      found.push(e)
    }
  }
  const statement = (s: ast.Statement): void => {
    if (s.kind === 'return') s.values.forEach(expression)
    else if (s.kind === 'assign') expression(s.value)
    else if (s.kind === 'for') {
      ;[s.from, s.to].forEach(expression)
      s.body.forEach(statement)
    }
  }
  for (const { default: value } of block.parameters) if (value) expression(value)
  block.body.forEach(statement)
  return found
}
