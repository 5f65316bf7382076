/** The passes by name, and the pipelines made of them. */
import { decomposeOps } from './decompose.js'
import { drawDropout } from './draw_dropout.js'
import { eliminateDead } from './eliminate_dead.js'
import { foldConstants } from './fold_constants.js'
import { pipeline, type Pass } from './pass.js'
import { removeDropout } from './remove_dropout.js'
import { share } from './share.js'
import { simplify } from './simplify.js'
import { upsampleIntoConv } from './upsample_into_conv.js'

export const passes: readonly Pass[] = [removeDropout, upsampleIntoConv, foldConstants, simplify, share, eliminateDead]

/** For graphs that run outside of training. */
export const inference = pipeline(removeDropout, upsampleIntoConv, foldConstants, simplify, share, eliminateDead)

/** As `inference`, for engines that would compute sums of weights anew in each run. */
export const inferenceOnStored = pipeline(removeDropout, foldConstants, simplify, share, eliminateDead)

/** For a loss before its gradients are added: a form that is cheaper forward has cheaper gradients too. */
export const differentiable = pipeline(drawDropout, upsampleIntoConv)

/** For graphs that train: dropout becomes an input, and ops whose parts the gradients share are taken apart. */
export const training = pipeline(
  drawDropout,
  decomposeOps(['attention', 'groupNorm', 'layerNorm', 'silu', 'standardise']),
  foldConstants,
  simplify,
  share,
  eliminateDead,
)
