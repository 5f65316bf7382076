/** Reverse-mode differentiation (Griewank & Walther 2008, section 3.2) of graphs, each op by its own gradient. */
import { InternalError } from '../diagnostics/internal.js'
import type { GraphBuilder } from '../ir/builder.js'
import type { Node, Value } from '../ir/graph.js'
import { sameType } from '../ir/tensor.js'
import { opOf } from '../ops/index.js'
import { Recomputation, type SegmentOf } from './recomputation.js'

/** A value, and the gradient of the scalar in question with respect to it. */
export interface Seed {
  readonly value: Value
  readonly gradient: Value
}

/**
 * The gradients with respect to the `wanted` nodes among the builder's, as further nodes; nodes that the seeds' values
 * do not depend on have none. Each node's gradient belongs to its module. What a segment computes is computed a second
 * time for its gradients; without `segmentOf` everything is kept.
 */
export function addGradients(
  builder: GraphBuilder,
  nodes: readonly Node[],
  seeds: readonly Seed[],
  wanted: ReadonlySet<Node>,
  segmentOf: SegmentOf = () => undefined,
): ReadonlyMap<Node, Value> {
  const { b } = builder
  const reached = nodesBetween(nodes, seeds, wanted)
  const kept = new Recomputation(builder, nodes, segmentOf)
  const gradients = new Map<Node, Value>()
  const add = (node: Node, gradient: Value) => {
    if (!reached.has(node)) return
    if (!sameType(gradient.type, node.type)) throw new InternalError(`the gradient of ${node.op} has another type`)
    const before = gradients.get(node)
    gradients.set(node, before === undefined ? gradient : b.add(before, gradient))
  }
  for (const { value, gradient } of seeds) add(value, gradient)
  for (const node of nodes.toReversed()) {
    const dy = gradients.get(node)
    if (dy === undefined || Object.keys(node.inputs).length === 0) continue
    const { gradient } = opOf(node.op)
    if (typeof gradient !== 'function') throw new InternalError(`${node.op} has no gradient: ${gradient.reason}`)
    const { module, span } = node
    builder.within(span === undefined ? { module } : { module, span }, () => {
      const [inputs, y] = kept.needed(node, dy)
      const found = gradient(inputs, dy, { y, attributes: node.attributes, b })
      for (const [name, value] of Object.entries(node.inputs)) {
        const part = found[name]
        if (part !== undefined) add(value, part)
      }
    })
  }
  return new Map(
    [...wanted].flatMap((node) => {
      const gradient = gradients.get(node)
      return gradient === undefined ? [] : [[node, gradient]]
    }),
  )
}

/** The nodes that depend on a wanted node and that a seed depends on. Only they need gradients. */
function nodesBetween(nodes: readonly Node[], seeds: readonly Seed[], wanted: ReadonlySet<Node>): ReadonlySet<Node> {
  const depending = new Set<Node>(wanted)
  for (const node of nodes) {
    if (Object.values(node.inputs).some((input) => depending.has(input))) depending.add(node)
  }
  const leading = new Set<Node>(seeds.map(({ value }) => value))
  for (const node of nodes.toReversed()) {
    if (!leading.has(node) || !depending.has(node)) continue
    // An op without a gradient ends the way: nothing before it matters.
    if (typeof opOf(node.op).gradient === 'function') for (const input of Object.values(node.inputs)) leading.add(input)
  }
  return new Set([...depending].filter((node) => leading.has(node)))
}
