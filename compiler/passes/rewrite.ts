/** Rewriting a graph: every node is offered to a rule, in order, with its inputs already rewritten. */
import { InternalError } from '../diagnostics/internal.js'
import { GraphBuilder, type Rule } from '../ir/builder.js'
import type { Graph, Node, Value } from '../ir/graph.js'
import { printNode } from '../ir/print.js'
import { sameType, showType } from '../ir/tensor.js'

/**
 * The graph with every node replaced by what `rule` gives for it; nodes for which it gives nothing stay. Nodes that
 * the rule builds are offered to it as well, and belong to the module and place of the node they replace. Nodes
 * whose readers are gone stay behind for `eliminate-dead`.
 */
export function rewrite(graph: Graph, rule: Rule): Graph {
  const firstId = graph.nodes.reduce((next, { id }) => Math.max(next, id + 1), 0)
  const builder = new GraphBuilder(graph.name, rule, firstId)
  const rewritten = new Map<Node, Value>()
  const now = (value: Value): Value => {
    const found = rewritten.get(value)
    if (found === undefined) throw new InternalError(`${printNode(value)} is read before it is defined`)
    return found
  }
  for (const node of graph.nodes) {
    builder.origin = node.span === undefined ? { module: node.module } : { module: node.module, span: node.span }
    const value = builder.place(withInputs(node, now))
    if (!sameType(value.type, node.type)) {
      throw new InternalError(`${printNode(node)} was replaced by a value of another type, ${showType(value.type)}`)
    }
    rewritten.set(node, value)
  }
  for (const { name, value } of graph.inputs) builder.declareInput(name, now(value))
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: now(value) }))
  return builder.finish(outputs, graph.parameters)
}

function withInputs(node: Node, now: (value: Value) => Value): Node {
  const inputs: Record<string, Value> = {}
  let changed = false
  for (const [name, value] of Object.entries(node.inputs)) {
    const input = now(value)
    inputs[name] = input
    changed ||= input !== value
  }
  return changed ? { ...node, inputs } : node
}
