/** The functions that blocks can call: their parameters, and which of them are layers with stored tensors. */

interface Signature {
  /** By position; a name that ends in `?` may be left out. */
  readonly parameters: readonly string[]
  /** Whether it has parameters of its own and so needs a name in the checkpoint. */
  readonly layer?: true
  /** One line for the language reference. */
  readonly about: string
}

export const functions = {
  conv: {
    layer: true,
    parameters: ['x', 'out', 'kernel', 'stride?', 'padding?', 'bias?', 'init?'],
    about: 'convolution over one or two axes of space; padding keeps the size unless given',
  },
  linear: { layer: true, parameters: ['x', 'out', 'bias?', 'init?'], about: 'affine map of the features' },
  group_norm: {
    layer: true,
    parameters: ['x', 'groups'],
    about: 'group normalisation with scale and bias per channel',
  },
  layer_norm: {
    layer: true,
    parameters: ['x'],
    about: 'layer normalisation of the last axis, with scale and bias per feature',
  },
  normalize: { parameters: ['x'], about: 'mean 0 and variance 1 over the last axis, without scale and bias' },
  parameter: {
    layer: true,
    parameters: ['shape', 'init?'],
    about: 'a trained tensor of its own; init: normal (deviation 0.02), zeros or ones',
  },
  rotary_frequencies: {
    layer: true,
    parameters: ['count', 'base?'],
    about: 'stored, untrained frequencies 1 / base^(i / count) of rotary positions',
  },
  silu: { parameters: ['x'], about: 'x sigmoid(x)' },
  gelu: { parameters: ['x'], about: 'the exact GELU' },
  relu: { parameters: ['x'], about: 'max(x, 0)' },
  sigmoid: { parameters: ['x'], about: '1 / (1 + e^-x)' },
  tanh: { parameters: ['x'], about: 'hyperbolic tangent' },
  softmax: { parameters: ['x'], about: 'over the last axis' },
  exp: { parameters: ['x'], about: 'e^x' },
  log: { parameters: ['x'], about: 'natural logarithm' },
  sqrt: { parameters: ['x'], about: 'square root' },
  sin: { parameters: ['x'], about: 'sine' },
  cos: { parameters: ['x'], about: 'cosine' },
  minimum: { parameters: ['a', 'b'], about: 'the smaller of two, element by element' },
  maximum: { parameters: ['a', 'b'], about: 'the larger of two, element by element' },
  matmul: { parameters: ['a', 'b'], about: 'matrix product over the last two axes' },
  attend: {
    parameters: ['q', 'k', 'v', 'mask?'],
    about: 'scaled dot-product attention of [batch, heads, tokens, features]',
  },
  dropout: { parameters: ['x', 'rate'], about: 'in training, sets a share of elements to 0' },
  upsample: { parameters: ['x', 'factor'], about: 'nearest neighbour, along every axis of space' },
  reshape: { parameters: ['x', 'shape'], about: 'the same elements under another shape' },
  transpose: { parameters: ['x', 'axes'], about: 'axes in another order' },
  concat: { parameters: ['a', 'b', 'axis?'], about: 'joined along an axis, the features unless given' },
  chunk: { parameters: ['x', 'count', 'axis?'], about: 'equal parts along an axis, the features unless given' },
  mean: { parameters: ['x', 'axis', 'keep?'], about: 'mean along an axis; `keep: yes` leaves it with size 1' },
  sum: { parameters: ['x', 'axis', 'keep?'], about: 'sum along an axis; `keep: yes` leaves it with size 1' },
  arange: { parameters: ['count'], about: '0, 1, 2, ... as a tensor' },
  batch: { parameters: ['x'], about: 'size of the first axis' },
  channels: {
    parameters: ['x'],
    about: 'number of features: the last axis of [batch, tokens, features], else the second',
  },
  tokens: { parameters: ['x'], about: 'size of the second axis' },
  height: { parameters: ['x'], about: 'size of the third axis' },
  width: { parameters: ['x'], about: 'size of the last axis' },
  size: { parameters: ['x', 'axis'], about: 'size of one axis' },
} as const satisfies Readonly<Record<string, Signature>>

export type FunctionName = keyof typeof functions

export function signatureOf(name: string): Signature | undefined {
  return Object.hasOwn(functions, name) ? functions[name as FunctionName] : undefined
}

/** Words that stand for something in every block. */
export const words = ['zeros', 'ones', 'normal'] as const

/** What the network gives to a block by the name of the block's parameter. */
export const provided = [
  'x',
  'emb',
  'out',
  'condition',
  'mask',
  'frames',
  'groups',
  'rate',
  'heads',
  'feed_forward',
  'positions',
  'side',
  'image_channels',
] as const
