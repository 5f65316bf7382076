/** Drops the nodes that no output needs. Inputs stay, and so do the graph's listed parameters: both are its interface. */
import type { Graph, Node } from '../ir/graph.js'
import type { Pass } from './pass.js'

export const eliminateDead: Pass = {
  name: 'eliminate-dead',
  purpose: 'drops nodes that no output needs',
  run: (graph: Graph) => {
    const needed = new Set<Node>([...graph.inputs, ...graph.outputs].map(({ value }) => value))
    for (const node of graph.nodes.toReversed()) {
      if (!needed.has(node)) continue
      for (const value of Object.values(node.inputs)) needed.add(value)
    }
    return { ...graph, nodes: graph.nodes.filter((node) => needed.has(node)) }
  },
}
