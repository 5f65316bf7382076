/** Time, micro-conditions and conditions: what reaches every block of a part as one embedding. */
import { InternalError } from '../diagnostics/internal.js'
import type { Condition, Model } from '../check/model.js'
import type { Value } from '../ir/graph.js'
import { floats } from '../ir/tensor.js'
import type { Builder } from '../ops/index.js'
import type { Layers } from './layers.js'
import type { Scope } from './scope.js'

/**
 * Sines and cosines of a number at D/8 frequencies exp(-ln(10000) i / (D/8)) (Vaswani et al. 2017, section 3.5).
 * t: [batch]. Result: [batch, D/4], sines first.
 */
function sinusoids(t: Value, embedding: number, b: Builder): Value {
  const half = embedding / 8
  const frequencies = Array.from({ length: half }, (_, i) => Math.exp((-Math.log(10_000) * i) / half))
  const batch = t.type.shape[0] ?? 1
  const angles = b.mul(b.reshape(t, { shape: [batch, 1] }), b.tensor(floats([1, half], frequencies)))
  return b.concat(b.sin(angles), b.cos(angles), { axis: 1 })
}

/** Sinusoids through two linear layers with a SiLU between. Result: [batch, D]. */
function embed(t: Value, embedding: number, layers: Layers, first: Scope, second: Scope, zeros: boolean): Value {
  const { b } = layers.graph
  const hidden = layers.linear(sinusoids(t, embedding, b), first, { out: embedding })
  return layers.linear(b.silu(hidden), second, { out: embedding, zeros })
}

/** The embedding of time and of the part's micro-conditions. times and each micro-condition: [batch]. */
export function embedTime(
  part: Model,
  scope: Scope,
  times: Value,
  micros: ReadonlyMap<string, Value>,
  layers: Layers,
): Value {
  const { b } = layers.graph
  const time = embed(
    times,
    part.embedding,
    layers,
    scope.child('temb_layer1', 'linear'),
    scope.child('temb_layer2', 'linear'),
    false,
  )
  return part.micros.reduce((sum, { key, default: base }) => {
    const given = micros.get(key)
    if (given === undefined) throw new InternalError(`no input for the micro-condition ${key}`)
    const value = key === 'scale' ? b.mul(b.minimum(b.div(given, base), 1), base) : b.mul(given, 1000)
    const layer = scope.child(`cond_layers.${key}`, 'micro_condition')
    return b.add(
      sum,
      embed(value, part.embedding, layers, layer.child('0', 'linear'), layer.child('1', 'linear'), true),
    )
  }, time)
}

/** A condition as the network uses it. */
export interface ConditionValues {
  /** Added to every part's time embedding. [batch, embedding] */
  readonly embedding: Value
  /** For attention blocks. [batch, tokens, features] */
  readonly tokens: Value | undefined
  /** [batch, tokens], 1 for a real token; absent where attention sees every token. */
  readonly mask: Value | undefined
}

/** Runs one learned layer over the text. */
export type TextLayer = (tokens: Value, mask: Value | undefined, scope: Scope) => Value

/** The inputs of a condition. */
export interface ConditionInputs {
  readonly text?: Value
  readonly textMask?: Value
  readonly label?: Value
}

/** Projects and pools the condition. Its layers belong to the innermost model, whose scope is given. */
export function embedCondition(
  condition: Condition,
  inputs: ConditionInputs,
  embedding: number,
  scope: Scope,
  layers: Layers,
  textLayer: TextLayer,
): ConditionValues {
  const { b } = layers.graph
  const pooledTo = (pooled: Value) =>
    layers.linear(pooled, scope.child('cond_emb', 'linear'), { out: embedding, bias: false })
  if (condition.kind === 'label') {
    const label = inputs.label
    if (label === undefined) throw new InternalError('no input for the label')
    const token = b.oneHot(label, { depth: condition.classes })
    const tokens = b.reshape(token, { shape: [label.type.shape[0] ?? 1, 1, condition.classes] })
    return { embedding: pooledTo(token), tokens: condition.crossAttention ? tokens : undefined, mask: undefined }
  }
  const { text, textMask } = inputs
  if (text === undefined || textMask === undefined) throw new InternalError('no input for the text')
  const mask = condition.masked ? textMask : undefined
  let tokens =
    condition.project === undefined
      ? text
      : layers.linear(text, scope.child('lm_proj', 'linear'), { out: condition.project })
  for (let i = 0; i < condition.layers; i++) tokens = textLayer(tokens, mask, scope.child(`lm_head.${i}`, 'text_layer'))
  const plain = !condition.masked && condition.layers > 0
  const pooled = plain ? b.mean(tokens, { axes: [1], keep: false }) : meanOverReal(tokens, textMask, b)
  return { embedding: pooledTo(pooled), tokens: condition.crossAttention ? tokens : undefined, mask }
}

/** The mean of the tokens that the mask counts; 0 where it counts none. */
function meanOverReal(tokens: Value, mask: Value, b: Builder): Value {
  const [batch = 0, count = 0] = mask.type.shape
  const total = b.sum(b.mul(tokens, b.reshape(mask, { shape: [batch, count, 1] })), { axes: [1], keep: false })
  return b.div(total, b.maximum(b.sum(mask, { axes: [1], keep: true }), 1e-6))
}
