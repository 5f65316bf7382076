/** Algebraic identities: nodes that change nothing, or that say in two steps what one can say, with the same numbers. */
import type { Rule } from '../ir/builder.js'
import type { Attribute, Node, Value } from '../ir/graph.js'
import { sameType } from '../ir/tensor.js'
import { opOf, type Builder, type OpName } from '../ops/index.js'
import { joinPads, simplifyConcat, simplifyPad, simplifySlice } from './simplify_axis.js'
import { mergeFactors, uniform } from './simplify_factor.js'
import type { Pass } from './pass.js'
import { rewrite } from './rewrite.js'

/** `a` or `b` where the other is `value` everywhere and stretches nothing. */
function withoutNeutral(node: Node, value: number, sides: 'either' | 'right'): Value | undefined {
  const { a, b } = node.inputs
  if (a === undefined || b === undefined) return undefined
  if (uniform(b) === value && sameType(a.type, node.type)) return a
  return sides === 'either' && uniform(a) === value && sameType(b.type, node.type) ? b : undefined
}

/** Operands need no repetition where the op repeats them itself. */
function withoutBroadcast(node: Node, build: (inputs: Readonly<Record<string, Value>>) => Value): Value | undefined {
  for (const [name, value] of Object.entries(node.inputs)) {
    const source = value.op === 'broadcast' ? value.inputs.x : undefined
    if (source === undefined) continue
    const inputs = { ...node.inputs, [name]: source }
    const types = Object.fromEntries(Object.entries(inputs).map(([input, { type }]) => [input, type]))
    if (sameType(opOf(node.op).infer(types, node.attributes), node.type)) return build(inputs)
  }
  return undefined
}

/** The input where it already is what the node makes of it. */
function unchanged(node: Node): Value | undefined {
  const { x } = node.inputs
  return x !== undefined && sameType(x.type, node.type) ? x : undefined
}

function inner(node: Node, op: OpName): Node | undefined {
  const { x } = node.inputs
  return x?.op === op ? x : undefined
}

const binary =
  (name: 'add' | 'sub' | 'mul' | 'div' | 'minimum' | 'maximum' | 'equal', rule?: Rule): Rule =>
  (node, b) =>
    rule?.(node, b) ?? withoutBroadcast(node, ({ a, b: right }) => b[name](a ?? 0, right ?? 0))

const rules: Readonly<Partial<Record<OpName, Rule>>> = {
  add: binary('add', (node, b) => withoutNeutral(node, 0, 'either') ?? joinPads(node, b)),
  sub: binary('sub', (node) => withoutNeutral(node, 0, 'right')),
  mul: binary('mul', (node, b) => withoutNeutral(node, 1, 'either') ?? mergeFactors(node, b)),
  div: binary('div', (node, b) => withoutNeutral(node, 1, 'right') ?? mergeFactors(node, b)),
  minimum: binary('minimum'),
  maximum: binary('maximum'),
  equal: binary('equal'),
  where: (node, build) => withoutBroadcast(node, ({ condition, a, b }) => build.where(condition ?? 0, a ?? 0, b ?? 0)),
  negate: (node) => inner(node, 'negate')?.inputs.x,
  reshape: (node, b) => unchanged(node) ?? throughViews(node, b),
  broadcast: (node, b) => {
    const x = inner(node, 'broadcast')?.inputs.x
    return unchanged(node) ?? (x && b.broadcast(x, { shape: node.type.shape }))
  },
  transpose: simplifyTranspose,
  slice: simplifySlice,
  concat: simplifyConcat,
  pad: simplifyPad,
  upsample: (node) => (node.attributes.factor === 1 ? node.inputs.x : undefined),
  sum: reducesNothing,
  mean: reducesNothing,
  dropout: (node) => (node.attributes.rate === 0 ? node.inputs.x : undefined),
}

function throughViews(node: Node, b: Builder): Value | undefined {
  const x = inner(node, 'reshape')?.inputs.x
  return x && b.reshape(x, { shape: node.type.shape })
}

function permutationOf(node: Node): readonly number[] {
  const { permutation } = node.attributes
  return isNumbers(permutation) ? permutation : []
}

function isNumbers(value: Attribute): value is readonly number[] {
  return Array.isArray(value)
}

function simplifyTranspose(node: Node, b: Builder): Value | undefined {
  const outer = permutationOf(node)
  if (outer.every((axis, i) => axis === i)) return node.inputs.x
  const below = inner(node, 'transpose')
  const x = below?.inputs.x
  if (below === undefined || x === undefined) return undefined
  const first = permutationOf(below)
  return b.transpose(x, { permutation: outer.map((axis) => first[axis] ?? 0) })
}

function reducesNothing(node: Node): Value | undefined {
  const { axes } = node.attributes
  return Array.isArray(axes) && axes.length === 0 ? node.inputs.x : undefined
}

export const simplify: Pass = {
  name: 'simplify',
  purpose: 'applies identities such as x * 1 = x and merges reshapes, transposes and slices',
  run: (graph) => rewrite(graph, (node, b) => rules[node.op]?.(node, b)),
}
