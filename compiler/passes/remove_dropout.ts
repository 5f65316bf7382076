/** Dropout does something in training only; everywhere else its input stands for it. */
import type { Pass } from './pass.js'
import { rewrite } from './rewrite.js'

export const removeDropout: Pass = {
  name: 'remove-dropout',
  purpose: 'takes out dropout, which changes nothing outside of training',
  run: (graph) => rewrite(graph, (node) => (node.op === 'dropout' ? node.inputs.x : undefined)),
}
