/** A pass turns a graph into one that means the same; pipelines of passes are data, so that tools can show each step. */
import type { Graph } from '../ir/graph.js'

export interface Pass {
  /** As users name it in `inspect --ir --after PASS`. */
  readonly name: string
  /** What it does, in one line for `inspect --passes`. */
  readonly purpose: string
  run(graph: Graph): Graph
}

export interface Pipeline {
  readonly passes: readonly Pass[]
  run(graph: Graph): Graph
}

/** The passes one after the other. */
export function pipeline(...passes: readonly Pass[]): Pipeline {
  return { passes, run: (graph) => passes.reduce((before, pass) => pass.run(before), graph) }
}

/** Each pass of a pipeline with the graph it yields, made on demand. */
export function* stages(passes: Pipeline, graph: Graph): Generator<{ readonly pass: Pass; readonly graph: Graph }> {
  let current = graph
  for (const pass of passes.passes) {
    current = pass.run(current)
    yield { pass, graph: current }
  }
}
