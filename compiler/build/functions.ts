/** What the functions of blocks do: one line each, in a total table over their names. */
import type { Span } from '../diagnostics/diagnostic.js'
import { shapesDoNotFit } from '../diagnostics/block.js'
import type { FunctionName, functions } from '../check/functions.js'
import { isSymbolic, showShape } from '../ir/dimension.js'
import type { Value } from '../ir/graph.js'
import type { Initialiser } from '../ir/parameter.js'
import { floats } from '../ir/tensor.js'
import type { Builder } from '../ops/index.js'
import { align, repeatFrames } from './arithmetic.js'
import type { Layers } from './layers.js'
import type { Scope } from './scope.js'
import { BlockFault, sizeValue, type BlockValue, type Reading } from './values.js'

type Plain<N extends string> = N extends `${infer P}?` ? P : N
type Present<Names extends readonly string[]> = { [N in Names[number] as N extends `${string}?` ? never : N]: Reading }
type Optional<Names extends readonly string[]> = {
  [N in Names[number] as N extends `${string}?` ? Plain<N> : never]?: Reading
}
export type ArgumentsOf<Name extends FunctionName> = Present<(typeof functions)[Name]['parameters']> &
  Optional<(typeof functions)[Name]['parameters']>

export interface CallContext {
  readonly b: Builder
  readonly layers: Layers
  /** The layer's own place in the checkpoint, and the module that holds it. */
  readonly layer: Scope
  readonly owner: { readonly scope: Scope; readonly name: string }
  readonly span: Span
  /** Called before so many constant numbers are made. */
  readonly spend: (count: number) => void
}

type Implementation<Name extends FunctionName> = (given: ArgumentsOf<Name>, context: CallContext) => Value | BlockValue

/** The axis of features: the last of [batch, tokens, features], else the second. */
function featureAxis(x: Value): number {
  return x.type.shape.length === 3 ? 2 : 1
}

function axisOf(x: Value, axis: Reading | undefined): number {
  if (axis === undefined) return featureAxis(x)
  const value = axis.number()
  const index = value < 0 ? value + x.type.shape.length : value
  if (Number.isInteger(index) && index >= 0 && index < x.type.shape.length) return index
  throw new BlockFault(shapesDoNotFit({ message: `${showShape(x.type.shape)} has no axis ${value}` }), axis.span)
}

function sizeOf(x: Value, axis: number, span: Span): BlockValue {
  const size = x.type.shape[axis]
  if (size === undefined)
    throw new BlockFault(shapesDoNotFit({ message: `${showShape(x.type.shape)} has no axis ${axis}` }), span)
  return sizeValue(size)
}

function affine({ bias, init }: { bias?: Reading; init?: Reading }) {
  return { bias: bias?.yesNo() ?? true, zeros: init?.word(['zeros', 'normal']) === 'zeros' }
}

const initialisers: Readonly<Record<string, Initialiser>> = {
  normal: { kind: 'normal', deviation: 0.02 },
  zeros: { kind: 'zeros' },
  ones: { kind: 'ones' },
}

export const implementations: { readonly [Name in FunctionName]: Implementation<Name> } = {
  conv: ({ x, out, kernel, stride, padding, bias, init }, { layers, layer }) =>
    layers.conv(x.tensor(), layer, {
      out: out.whole(1),
      kernel: kernel.whole(1),
      stride: stride?.whole(1) ?? 1,
      ...(padding ? { padding: padding.whole() } : {}),
      ...affine({ ...(bias ? { bias } : {}), ...(init ? { init } : {}) }),
    }),
  linear: ({ x, out, bias, init }, { layers, layer }) =>
    layers.linear(x.tensor(), layer, {
      out: out.whole(1),
      ...affine({ ...(bias ? { bias } : {}), ...(init ? { init } : {}) }),
    }),
  group_norm: ({ x, groups }, { layers, layer }) => layers.groupNorm(x.tensor(), layer, groups.whole(1)),
  layer_norm: ({ x }, { layers, layer }) => layers.layerNorm(x.tensor(), layer),
  normalize: ({ x }, { layers }) => layers.layerNorm(x.tensor(), undefined),
  parameter: ({ shape, init }, { layers, owner, span }) => {
    const sizes = shape.shape().map((size) => {
      if (isSymbolic(size)) throw new BlockFault(shapesDoNotFit({ message: 'a stored tensor needs fixed sizes' }), span)
      return size
    })
    const initialiser = initialisers[init?.word(Object.keys(initialisers)) ?? 'normal'] ?? { kind: 'zeros' }
    return layers.stored(owner.scope.parameter(owner.name, sizes, initialiser))
  },
  rotary_frequencies: ({ count, base }, { layers, owner }) =>
    layers.stored(
      owner.scope.parameter(
        owner.name,
        [count.whole(1)],
        { kind: 'rotary_frequencies', base: base?.number() ?? 10_000 },
        false,
      ),
    ),
  silu: ({ x }, { b }) => b.silu(x.tensor()),
  gelu: ({ x }, { b }) => b.gelu(x.tensor()),
  relu: ({ x }, { b }) => b.relu(x.tensor()),
  sigmoid: ({ x }, { b }) => b.sigmoid(x.tensor()),
  tanh: ({ x }, { b }) => b.tanh(x.tensor()),
  softmax: ({ x }, { b }) => b.softmax(x.tensor()),
  exp: ({ x }, { b }) => b.exp(x.tensor()),
  log: ({ x }, { b }) => b.log(x.tensor()),
  sqrt: ({ x }, { b }) => b.sqrt(x.tensor()),
  sin: ({ x }, { b }) => b.sin(x.tensor()),
  cos: ({ x }, { b }) => b.cos(x.tensor()),
  minimum: ({ a, b: other }, { b }) => b.minimum(...align(a.tensor(), other.tensor(), b)),
  maximum: ({ a, b: other }, { b }) => b.maximum(...align(a.tensor(), other.tensor(), b)),
  matmul: ({ a, b: other }, { b }) => b.matmul(a.tensor(), other.tensor()),
  attend: ({ q, k, v, mask }, { b }) => {
    const queries = q.tensor()
    const rows = queries.type.shape[0] ?? 0
    const perFrame = (x: Value) => repeatFrames(x, rows, b)
    const hidden = mask === undefined || mask.isNone ? undefined : perFrame(mask.tensor())
    return b.attention(queries, perFrame(k.tensor()), perFrame(v.tensor()), hidden)
  },
  dropout: ({ x, rate }, { b }) => b.dropout(x.tensor(), { rate: rate.number() }),
  upsample: ({ x, factor }, { b }) => b.upsample(x.tensor(), { factor: factor.whole(1) }),
  reshape: ({ x, shape }, { b }) => b.reshape(x.tensor(), { shape: shape.shape() }),
  transpose: ({ x, axes }, { b }) =>
    b.transpose(x.tensor(), { permutation: axes.shape().map((axis) => (isSymbolic(axis) ? -1 : axis)) }),
  concat: ({ a, b: other, axis }, { b }) => b.concat(a.tensor(), other.tensor(), { axis: axisOf(a.tensor(), axis) }),
  chunk: ({ x, count, axis }, { b, span }) => {
    const tensor = x.tensor()
    const [parts, along] = [count.whole(1), axisOf(tensor, axis)]
    const size = tensor.type.shape[along] ?? 0
    if (isSymbolic(size) || size % parts !== 0 || parts > 64) {
      throw new BlockFault(
        shapesDoNotFit({
          message: `axis ${along} of ${showShape(tensor.type.shape)} cannot be cut into ${parts} equal parts`,
        }),
        span,
      )
    }
    const items = Array.from({ length: parts }, (_, i): BlockValue => {
      const [start, end] = [(i * size) / parts, ((i + 1) * size) / parts]
      return { kind: 'tensor', tensor: b.slice(tensor, { axis: along, start, end }) }
    })
    return { kind: 'list', items }
  },
  mean: ({ x, axis, keep }, { b }) =>
    b.mean(x.tensor(), { axes: [axisOf(x.tensor(), axis)], keep: keep?.yesNo() ?? false }),
  sum: ({ x, axis, keep }, { b }) =>
    b.sum(x.tensor(), { axes: [axisOf(x.tensor(), axis)], keep: keep?.yesNo() ?? false }),
  arange: ({ count }, { b, spend }) => {
    const length = count.whole(1)
    spend(length)
    return b.tensor(
      floats(
        [length],
        Array.from({ length }, (_, i) => i),
      ),
    )
  },
  batch: ({ x }, { span }) => sizeOf(x.tensor(), 0, span),
  channels: ({ x }, { span }) => sizeOf(x.tensor(), featureAxis(x.tensor()), span),
  tokens: ({ x }, { span }) => sizeOf(x.tensor(), 1, span),
  height: ({ x }, { span }) => sizeOf(x.tensor(), 2, span),
  width: ({ x }, { span }) => sizeOf(x.tensor(), x.tensor().type.shape.length - 1, span),
  size: ({ x, axis }, { span }) => sizeOf(x.tensor(), axisOf(x.tensor(), axis), span),
}
