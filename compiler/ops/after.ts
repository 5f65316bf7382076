/**
 * x, but not before `signal` is there. For values that are computed a second time to save memory: without it an engine
 * that orders nodes by itself would compute them early, or see that they are the same as the first ones.
 */
import type { Op } from './op.js'

export const after: Op<['x', 'signal']> = {
  inputs: ['x', 'signal'],
  view: true,
  infer: ({ x }) => x,
  gradient: (_, dy) => ({ x: dy }),
  evaluate: ({ x }) => x,
}
