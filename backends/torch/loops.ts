/** Which loops of a block can stay loops in Python: those whose turns differ in nothing but their number. */
import { showType } from '../../compiler/ir/tensor.js'
import type { BlockValue } from '../../compiler/build/values.js'
import { layerNames } from '../../compiler/check/layer_names.js'
import type * as ast from '../../compiler/syntax/ast.js'
import type { BlockRun } from './trace.js'

type Loop = ast.Statement & { kind: 'for' }

/** Whether every turn of a loop has the same layers and shapes; its variable is an index of layers at most. */
export function isTurnIndependent(loop: Loop, run: BlockRun): boolean {
  if (!(loop.from.kind === 'number' && loop.from.value === 0)) return false
  let independent = true
  const expression = (e: ast.Expression): void => {
    if (e.kind === 'name' && e.name === loop.variable.text) independent = false
    const kinds = new Set(run.values(e).map(show))
    if (kinds.size > 1) independent = false
    for (const part of partsOf(e)) expression(part)
    if (e.kind !== 'call') return
    const inner = run.calls(e)[0]?.at
    if (e.label === undefined)
      independent &&= inner === undefined || layerNames(inner.block, inner.home).names.length === 0
    // A layer whose name does not end with the loop's number would be made twice.
    else if (!isIndexed(e.label, loop.variable.text)) independent = false
  }
  for (const statement of loop.body) {
    if (statement.kind === 'for') return false
    if (statement.kind === 'assign') expression(statement.value)
    if (statement.kind === 'return') statement.values.forEach(expression)
  }
  return independent
}

/** Whether a label is `name[i]`. */
function isIndexed({ parts }: ast.LayerLabel, variable: string): boolean {
  const [first, last, ...more] = parts
  if (!first || !last || more.length > 0 || 'index' in first) return false
  return 'index' in last && last.index.kind === 'name' && last.index.name === variable
}

function partsOf(e: ast.Expression): readonly ast.Expression[] {
  switch (e.kind) {
    case 'shape':
      return e.items
    case 'unary':
      return [e.operand]
    case 'binary':
      return [e.left, e.right]
    case 'if':
      return [e.condition, e.then, e.otherwise]
    case 'call':
      return [...(e.piped ? [e.piped] : []), ...e.arguments.map(({ value }) => value)]
    default:
      return []
  }
}

function show(value: BlockValue): string {
  if (value.kind === 'tensor') return showType(value.tensor.type)
  return value.kind === 'list' ? `[${value.items.map(show).join()}]` : JSON.stringify(value)
}
