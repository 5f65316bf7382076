/** How each op becomes calls of tfjs. */
import { InternalError } from '../../../compiler/diagnostics/internal.js'
import type { OpName } from '../../../compiler/ops/index.js'
import { conv, convInputGradient, convWeightGradient, tileSum, upsample } from './convolution.js'
import { cos, sin, toFloat, where } from './elements.js'
import { binary, decompose, unary, type AnyLowering, type Lowering } from './lowering.js'
import { linear, matmul } from './products.js'
import { mean, quantile, softmax, sum } from './reductions.js'
import { after, broadcast, concat, gather, oneHot, pad, reshape, reverse, slice, transpose } from './shapes.js'

/** What the engine hands in has been lowered before any op is. */
function given(): never {
  throw new InternalError('inputs, parameters and constants have no statements of their own')
}

/** A new op without a line here does not compile. */
const lowerings: { readonly [Name in OpName]: Lowering<Name> | typeof decompose } = {
  abs: unary('abs'),
  add: binary('add'),
  after,
  attention: decompose,
  broadcast,
  concat,
  constant: given,
  conv,
  convInputGradient,
  convWeightGradient,
  cos,
  div: binary('div'),
  dropout: decompose,
  equal: binary('equal'),
  erf: unary('erf'),
  exp: unary('exp'),
  gather,
  gelu: decompose,
  groupNorm: decompose,
  input: given,
  layerNorm: decompose,
  linear,
  log: unary('log'),
  matmul,
  maximum: binary('maximum'),
  mean,
  minimum: binary('minimum'),
  mul: binary('mul'),
  negate: unary('neg'),
  oneHot,
  pad,
  parameter: given,
  quantile,
  relu: unary('relu'),
  reshape,
  reverse,
  sigmoid: unary('sigmoid'),
  silu: decompose,
  sin,
  slice,
  softmax,
  sqrt: unary('sqrt'),
  standardise: decompose,
  sub: binary('sub'),
  sum,
  tanh: unary('tanh'),
  tileSum,
  toFloat,
  transpose,
  upsample,
  where,
}

/** The ops that are lowered as what they decompose into. */
export const decomposedOps = (Object.keys(lowerings) as OpName[]).filter((op) => lowerings[op] === decompose)

/** The lowering of an op that is not decomposed. */
export function loweringOf(op: OpName): AnyLowering {
  const lowering = lowerings[op] as AnyLowering | typeof decompose
  if (lowering === decompose) throw new InternalError(`the op ${op} should have been decomposed`)
  return lowering
}
