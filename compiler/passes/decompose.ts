/** Lowers ops to simpler ones, for backends that have no kernel of their own. */
import { InternalError } from '../diagnostics/internal.js'
import { opOf, type OpName } from '../ops/index.js'
import type { Pass } from './pass.js'
import { rewrite } from './rewrite.js'

/** A pass that replaces the named ops by what they decompose into, and those in turn where they are named too. */
export function decomposeOps(names: Iterable<OpName>): Pass {
  const chosen = new Set(names)
  return {
    name: 'decompose',
    purpose: `expresses ${[...chosen].join(', ')} by simpler ops`,
    run: (graph) =>
      rewrite(graph, (node, b) => {
        if (!chosen.has(node.op)) return undefined
        const op = opOf(node.op)
        if (op.decompose === undefined) throw new InternalError(`${node.op} has no simpler form`)
        return op.decompose(node.inputs, node.attributes, b)
      }),
  }
}
