/** How long values are needed, given the order of the nodes. Engines free by it, and costs count by it. */
import type { Graph, Node } from './graph.js'

/**
 * For each position in `graph.nodes`, the values that nothing reads after it: read there for the last time, or
 * yielded there and never read. Outputs of the graph never end.
 */
export function lastUses(graph: Graph): readonly (readonly Node[])[] {
  const last = new Map<Node, number>()
  graph.nodes.forEach((node, position) => {
    last.set(node, position)
    for (const value of Object.values(node.inputs)) last.set(value, position)
  })
  for (const { value } of graph.outputs) last.delete(value)
  const ending: Node[][] = graph.nodes.map(() => [])
  for (const [value, position] of last) ending[position]?.push(value)
  return ending
}
