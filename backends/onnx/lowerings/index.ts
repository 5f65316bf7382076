/** How each op becomes ONNX nodes, and in which precision. */
import { InternalError } from '../../../compiler/diagnostics/internal.js'
import type { OpName } from '../../../compiler/ops/index.js'
import { conv, convInputGradient, convWeightGradient } from './convolution.js'
import { binary, decompose, unary, type AnyLowering, type Lowering } from './lowering.js'
import { mean, standardise, sum } from './normalisation.js'
import { attention, linear } from './products.js'
import { quantile } from './quantile.js'
import {
  after,
  broadcast,
  concat,
  oneHot,
  pad,
  reshape,
  reverse,
  slice,
  tileSum,
  transpose,
  upsample,
} from './shapes.js'

/** What the engine hands in has been lowered before any op is. */
function given(): never {
  throw new InternalError('inputs, parameters and constants have no nodes')
}

/** A new op without a line here does not compile. */
const lowerings: { readonly [Name in OpName]: Lowering<Name> | typeof decompose } = {
  abs: unary('Abs'),
  add: binary('Add'),
  after,
  attention,
  broadcast,
  concat,
  constant: given,
  conv,
  convInputGradient,
  convWeightGradient,
  cos: unary('Cos'),
  div: binary('Div'),
  dropout: decompose,
  equal: ({ a, b }, _, g) => g.node('Equal', [a, b], {}, 'bool'),
  erf: unary('Erf'),
  exp: unary('Exp'),
  gather: ({ table, index }, _, g) => g.node('Gather', [table, index], { axis: 0 }, table.elementType),
  gelu: decompose, // ONNX Runtime fuses the form with Erf; `Gelu` exists from opset 20 (see `since`)
  groupNorm: decompose,
  input: given,
  layerNorm: decompose,
  linear,
  log: unary('Log'),
  matmul: binary('MatMul'),
  maximum: binary('Max'),
  mean,
  minimum: binary('Min'),
  mul: binary('Mul'),
  negate: unary('Neg'),
  oneHot,
  pad,
  parameter: given,
  quantile,
  relu: unary('Relu'),
  reshape,
  reverse,
  sigmoid: unary('Sigmoid'),
  silu: decompose, // ONNX Runtime fuses x * sigmoid(x) by itself
  sin: unary('Sin'),
  slice,
  softmax: unary('Softmax', { axis: -1 }),
  sqrt: unary('Sqrt'),
  standardise,
  sub: binary('Sub'),
  sum,
  tanh: unary('Tanh'),
  tileSum,
  toFloat: ({ x }, _, g) => g.cast(x, 'float32'),
  transpose,
  upsample,
  where: ({ condition, a, b }, _, g) => g.node('Where', [condition, a, b], {}, a.elementType),
}

/** Operators that later operator sets have for ops that are written out before. */
const since: { readonly [Name in OpName]?: { readonly opset: number; readonly lowering: Lowering<Name> } } = {
  gelu: { opset: 20, lowering: unary('Gelu') },
}

function chosen(op: OpName, opset: number): AnyLowering | typeof decompose {
  const later = since[op]
  return (later !== undefined && opset >= later.opset ? later.lowering : lowerings[op]) as AnyLowering
}

/** The ops that have no nodes of their own in an operator set: they are lowered as what they decompose into. */
export function decomposedOps(opset: number): readonly OpName[] {
  return (Object.keys(lowerings) as OpName[]).filter((op) => chosen(op, opset) === decompose)
}

/** The lowering of an op that is not decomposed. */
export function loweringOf(op: OpName, opset: number): AnyLowering {
  const lowering = chosen(op, opset)
  if (lowering === decompose) throw new InternalError(`the op ${op} should have been decomposed`)
  return lowering
}

/**
 * In which type an op computes in a float16 model:
 * `half`: float16; `single`: float32, because its arguments or totals outgrow float16 (an angle of 1000 is known
 * to 0.5 in it); `own`: the lowering decides; `follow` (all others): float16 as soon as one activation is.
 */
export type Precision = 'half' | 'single' | 'own' | 'follow'

export const precisions: Readonly<Partial<Record<OpName, Precision>>> = {
  attention: 'own',
  conv: 'half',
  convInputGradient: 'half',
  convWeightGradient: 'half',
  cos: 'single',
  exp: 'single',
  linear: 'half',
  log: 'single',
  matmul: 'half',
  mean: 'single',
  quantile: 'single',
  sin: 'single',
  softmax: 'single',
  sum: 'single',
}
