/** The list of ops; everything that is said of all ops is said by reading it. */
import type { Value } from '../ir/graph.js'
import type { Tensor } from '../ir/tensor.js'
import { abs } from './abs.js'
import { add } from './add.js'
import { after } from './after.js'
import { attention } from './attention.js'
import { broadcast } from './broadcast.js'
import { concat } from './concat.js'
import { conv } from './conv.js'
import { convInputGradient } from './conv_input_gradient.js'
import { convWeightGradient } from './conv_weight_gradient.js'
import { cos } from './cos.js'
import { div } from './div.js'
import { dropout } from './dropout.js'
import { equal } from './equal.js'
import { erf } from './erf.js'
import { exp } from './exp.js'
import { gather } from './gather.js'
import { gelu } from './gelu.js'
import { groupNorm } from './group_norm.js'
import { layerNorm } from './layer_norm.js'
import { linear } from './linear.js'
import { log } from './log.js'
import { matmul } from './matmul.js'
import { maximum } from './maximum.js'
import { mean } from './mean.js'
import { minimum } from './minimum.js'
import { mul } from './mul.js'
import { negate } from './negate.js'
import { oneHot } from './one_hot.js'
import type { InputNames, NoAttributes, Op } from './op.js'
import { pad } from './pad.js'
import { quantile } from './quantile.js'
import { relu } from './relu.js'
import { reshape } from './reshape.js'
import { reverse } from './reverse.js'
import { sigmoid } from './sigmoid.js'
import { silu } from './silu.js'
import { sin } from './sin.js'
import { slice } from './slice.js'
import { softmax } from './softmax.js'
import { constant, input, parameter } from './source.js'
import { sqrt } from './sqrt.js'
import { standardise } from './standardise.js'
import { sub } from './sub.js'
import { sum } from './sum.js'
import { tanh } from './tanh.js'
import { tileSum } from './tile_sum.js'
import { toFloat } from './to_float.js'
import { transpose } from './transpose.js'
import { upsample } from './upsample.js'
import { where } from './where.js'

export const ops = {
  abs,
  add,
  after,
  attention,
  broadcast,
  concat,
  constant,
  conv,
  convInputGradient,
  convWeightGradient,
  cos,
  div,
  dropout,
  equal,
  erf,
  exp,
  gather,
  gelu,
  groupNorm,
  input,
  layerNorm,
  linear,
  log,
  matmul,
  maximum,
  mean,
  minimum,
  mul,
  negate,
  oneHot,
  pad,
  parameter,
  quantile,
  relu,
  reshape,
  reverse,
  sigmoid,
  silu,
  sin,
  slice,
  softmax,
  sqrt,
  standardise,
  sub,
  sum,
  tanh,
  tileSum,
  toFloat,
  transpose,
  upsample,
  where,
}

export type OpName = keyof typeof ops

/** The declaration of an op, for code that treats all ops alike. */
export function opOf(name: OpName): Op {
  return ops[name] as Op
}

export type InputsOf<Name extends OpName> = (typeof ops)[Name]['inputs']
export type AttributesOf<Name extends OpName> = Parameters<(typeof ops)[Name]['infer']>[1]

type Argument<N extends string> = N extends `${string}?` ? Value | number | undefined : Value | number
type Positional<Names extends InputNames> = { [I in keyof Names]: Argument<Names[I]> }
/** Attributes come last and may be left out where an op has none. */
type AttributeArgument<Name extends OpName> =
  NoAttributes extends AttributesOf<Name> ? [] : [attributes: AttributesOf<Name>]

/** One method per op: inputs by position (numbers become constants), then the attributes. */
export type Builder = {
  readonly [Name in OpName]: (...args: [...Positional<InputsOf<Name>>, ...AttributeArgument<Name>]) => Value
} & {
  /** A number as a tensor without axes. */
  readonly scalar: (value: number) => Value
  readonly tensor: (tensor: Tensor) => Value
}
