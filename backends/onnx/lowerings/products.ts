/** Ops that multiply matrices. */
import { fixedSize } from '../../../compiler/ops/op.js'
import type { Lowering } from './lowering.js'
import { reshapeTo } from './shapes.js'

/** The transposition of a stored weight is done once, when the model is loaded. */
export const linear: Lowering<'linear'> = ({ x, weight, bias }, _, g) => {
  if (x.shape.length === 2) return g.node('Gemm', [x, weight, bias], { transB: 1 })
  const product = g.node('MatMul', [x, g.node('Transpose', [weight], { perm: [1, 0] })])
  return bias === undefined ? product : g.node('Add', [product, bias])
}

/** Added to the score of a hidden key, as the op has it. */
const hiddenScore = -1e30

/** As the op's decomposition, with scores, mask and softmax in float32 also where the products are in float16. */
export const attention: Lowering<'attention'> = ({ q, k, v, mask }, _, g) => {
  const features = fixedSize({ dataType: 'float32', shape: q.shape }, 3, 'the axis of features of attention')
  const compute = g.options.precision
  const keys = g.node('Transpose', [g.cast(k, compute)], { perm: [0, 1, 3, 2] })
  const queries = g.cast(q, compute)
  const scaled = g.node('Mul', [queries, g.scalar(features ** -0.5, compute)])
  let scores = g.cast(g.node('MatMul', [scaled, keys]), 'float32')
  if (mask !== undefined) {
    const [batch = 0, count = 0] = mask.shape
    const unseen = g.node('Equal', [mask, g.scalar(0, mask.elementType)], {}, 'bool')
    const bias = g.node('Where', [unseen, g.scalar(hiddenScore, 'float32'), g.scalar(0, 'float32')], {}, 'float32')
    scores = g.node('Add', [scores, reshapeTo(g, bias, [batch, count], [batch, 1, 1, count])])
  }
  const weights = g.cast(g.node('Softmax', [scores], { axis: -1 }), compute)
  return g.node('MatMul', [weights, g.cast(v, compute)])
}
