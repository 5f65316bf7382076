/** What tells specs apart by what they mean. */
import { createHash } from 'node:crypto'
import type { Model } from '../compiler/check/model.js'
import type { Graph } from '../compiler/ir/graph.js'
import { printGraph } from '../compiler/ir/print.js'

/** What a spec means, as a hash: the network and its diffusion process, not how the file is written. */
export function specHash(model: Model, graph: Graph): string {
  return createHash('sha256').update(printGraph(graph)).update(JSON.stringify(model.diffusion)).digest('hex')
}
