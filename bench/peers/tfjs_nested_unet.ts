/**
 * The UNet and NestedUNet of Matryoshka diffusion models for images and their training step, in plain tfjs with
 * `tf.variableGrads`: functions over tensors of [batch, height, width, channels], as a user of tfjs would write them.
 * Independent of the compiler. Parameters have the names of published checkpoints and come from outside.
 */
import * as tf from '@tensorflow/tfjs-core'

type Rank2 = tf.Tensor2D
type Rank3 = tf.Tensor3D
type Map = tf.Tensor4D

/** What is read of a configuration of the reference implementation. */
export interface Config {
  readonly num_resnets_per_resolution: readonly number[]
  readonly resolution_channels: readonly number[]
  readonly attention_levels: readonly number[]
  readonly num_attention_layers: readonly number[]
  readonly conditioning_feature_dim: number
  readonly skip_mid_blocks: boolean
  readonly temporal_dim: number | null
  readonly resnet_config: { readonly num_groups_norm: number; readonly use_attention_ffn: boolean }
  readonly inner_config?: Config
}

export interface Batch {
  /** Text [batch, tokens, features] and its mask [batch, tokens]. */
  readonly text: Rank3 | undefined
  readonly mask: Rank2 | undefined
  /** [batch, side, side, 3] of the highest resolution, in [-1, 1]. */
  readonly images: Map
  /** [batch], whole numbers. */
  readonly times: tf.Tensor1D
  /** For each resolution, highest first: the noise, the amplitudes of signal and noise [batch, 1, 1, 1]. */
  readonly levels: readonly { readonly noise: Map; readonly alpha: Map; readonly sigma: Map; readonly scale: number }[]
}

const heads = 8
/** Of the normalisations in attention, whatever the rest has. */
const attentionGroups = 32

export class Network {
  readonly #variables = new Map<string, tf.Variable>()

  /** `parameters` in PyTorch's layouts: they are transposed to those of tfjs. */
  constructor(
    readonly config: Config,
    parameters: readonly { readonly name: string; readonly shape: readonly number[]; readonly values: Float32Array }[],
  ) {
    for (const { name, shape, values } of parameters) {
      const value = tf.tidy(() => {
        const tensor = tf.tensor(values, [...shape])
        return shape.length === 1 ? tensor : tf.transpose(tensor, shape.length === 4 ? [2, 3, 1, 0] : [1, 0])
      })
      this.#variables.set(name, tf.variable(value, true, name))
      value.dispose()
    }
  }

  /** The mean over the batch of v-prediction's squared error, summed over resolutions. */
  loss({ images, times, levels, text, mask }: Batch): tf.Scalar {
    let image = images
    const noised = levels.map(({ noise, alpha, sigma, scale }) => {
      const factor = image.shape[1] / noise.shape[1]
      if (factor > 1) image = tf.avgPool(image, factor, factor, 'valid')
      const clean = tf.div(image, scale)
      return {
        input: tf.add<Map>(tf.mul(alpha, clean), tf.mul(sigma, noise)),
        target: tf.sub(tf.mul(alpha, noise), tf.mul(sigma, clean)),
      }
    })
    const inputs = noised.map(({ input }) => input)
    const condition = text && mask ? this.#condition(text, mask) : undefined
    const { predictions } = this.#denoise(this.config, '', inputs, times, condition, undefined)
    const errors = predictions.map((prediction, r) =>
      tf.mean<tf.Scalar>(tf.squaredDifference(prediction, noised[r]?.target ?? prediction)),
    )
    return errors.reduce((sum, error) => tf.add(sum, error))
  }

  dispose(): void {
    tf.dispose([...this.#variables.values()])
  }

  #get<Kind extends tf.Rank>(name: string): tf.Tensor<Kind> {
    const variable = this.#variables.get(name)
    if (variable === undefined) throw new Error(`there is no parameter ${name}`)
    return variable as tf.Variable<Kind>
  }

  #condition(text: Rank3, mask: Rank2): Condition {
    let path = ''
    for (let config = this.config; config.inner_config; config = config.inner_config) path += 'inner_unet.'
    const weights = tf.expandDims(mask, 2)
    const pooled = tf.div(tf.sum(tf.mul(text, weights), 1), tf.sum(weights, 1))
    const hidden = tf.reshape(tf.mul(tf.sub(1, mask), -1e9), [mask.shape[0], 1, 1, mask.shape[1]])
    return { tokens: text, hidden: hidden as Map, embedding: tf.matMul(pooled, this.#get(`${path}cond_emb.weight`)) }
  }

  /** The predictions of this part and those inside, and the last features, which a part around this one reads. */
  #denoise(
    config: Config,
    path: string,
    [image, ...smaller]: readonly Map[],
    times: tf.Tensor1D,
    condition: Condition | undefined,
    handed: Map | undefined,
  ): { predictions: Map[]; features: Map } {
    const { resolution_channels: channels, num_resnets_per_resolution: counts, inner_config: inner } = config
    const groups = config.resnet_config.num_groups_norm
    const last = channels.length - 1
    const layers = (level: number) =>
      config.attention_levels.includes(level) ? (config.num_attention_layers[level] ?? 0) : 0
    const embedding = silu(this.#embedding(config, path, times, condition))
    const block = (x: Map, at: string, index: number, attention: number) => {
      let h = this.#residual(x, `${path}${at}.resnets.${index}`, embedding, groups)
      for (let layer = index * attention; layer < (index + 1) * attention; layer++)
        h = this.#attention(h, `${path}${at}.attn.${layer}`, inner ? undefined : condition, config)
      return h
    }

    if (image === undefined) throw new Error('a resolution without an image')
    let x = this.#conv(image, `${path}conv_in`)
    if (handed) x = tf.add(x, handed)
    const kept = [x]
    for (let level = 0; level <= last; level++) {
      const at = `down_blocks.${level}`
      for (let i = 0; i < (counts[level] ?? 0); i++) kept.push((x = block(x, at, i, layers(level))))
      if (level < last) kept.push((x = this.#conv(x, `${path}${at}.resample`, 2)))
    }
    if (!config.skip_mid_blocks) x = block(block(x, 'mid_blocks.0', 0, 1), 'mid_blocks.1', 0, 0)
    const predictions: Map[] = []
    if (inner) {
      const entering = this.#conv(x, `${path}in_adapter`)
      const inside = this.#denoise(inner, `${path}inner_unet.`, smaller, times, condition, entering)
      predictions.push(...inside.predictions)
      x = tf.add(x, this.#conv(inside.features, `${path}out_adapter`))
    }
    for (let level = last; level >= 0; level--) {
      const at = `up_blocks.${last - level}`
      for (let i = 0; i <= (counts[level] ?? 0); i++)
        x = block(tf.concat([x, kept.pop() ?? x], 3), at, i, layers(level))
      if (level > 0) {
        const twice = tf.image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]])
        x = this.#conv(twice, `${path}${at}.resample`)
      }
    }
    const prediction = this.#conv(silu(this.#groupNorm(x, `${path}norm_out`, groups)), `${path}conv_out`)
    return { predictions: [prediction, ...predictions], features: x }
  }

  #embedding(config: Config, path: string, times: tf.Tensor1D, condition: Condition | undefined): Rank2 {
    const half = (config.temporal_dim ?? 4 * (config.resolution_channels[0] ?? 0)) / 8
    const frequencies = tf.exp(tf.mul(tf.range(0, half), -Math.log(10000) / half))
    const angles = tf.mul(tf.reshape(times, [-1, 1]), frequencies)
    const waves = tf.concat([tf.sin(angles), tf.cos(angles)], 1) as Rank2
    const hidden = silu(this.#linear(waves, `${path}temb_layer1`))
    const embedding = this.#linear(hidden, `${path}temb_layer2`)
    return condition ? tf.add(embedding, condition.embedding) : embedding
  }

  #residual(x: Map, path: string, embedding: Rank2, groups: number): Map {
    const first = this.#conv(silu(this.#groupNorm(x, `${path}.norm1`, groups)), `${path}.conv1`)
    const channels = first.shape[3]
    const affine = tf.reshape(this.#linear(embedding, `${path}.time_layer`), [-1, 1, 1, 2 * channels])
    const [scale, shift] = tf.split(affine, 2, 3) as [Map, Map]
    const h = tf.add(tf.mul(this.#groupNorm(first, `${path}.norm2`, groups), tf.add(scale, 1)), shift)
    const second = this.#conv(silu(h as Map), `${path}.conv2`)
    return tf.add(x.shape[3] === channels ? x : this.#conv(x, `${path}.conv3`), second)
  }

  #attention(x: Map, path: string, condition: Condition | undefined, config: Config): Map {
    const [batch, height, width, channels] = x.shape
    const split = (all: tf.Tensor, count: number) => {
      const apart = tf.reshape<tf.Rank.R4>(all, [batch, -1, count * heads, channels / heads])
      return tf.split<Map>(tf.transpose(apart, [0, 2, 1, 3]), count, 1)
    }
    const [q, k, v] = split(this.#conv(this.#groupNorm(x, `${path}.norm`, attentionGroups), `${path}.qkv`), 3) as [
      Map,
      Map,
      Map,
    ]
    let h = attend(q, k, v)
    if (condition) {
      const tokens = this.#layerNorm(condition.tokens, `${path}.norm_cond`)
      const [keys, values] = split(this.#linear(tokens, `${path}.kv_cond`), 2) as [Map, Map]
      h = tf.add(h, attend(q, keys, values, condition.hidden))
    }
    const joined = tf.reshape<tf.Rank.R4>(tf.transpose(h, [0, 2, 1, 3]), [batch, height, width, channels])
    const y: Map = tf.add(x, this.#conv(joined, `${path}.proj_out`))
    if (!config.resnet_config.use_attention_ffn) return y
    const wide: Map = gelu(this.#conv(this.#groupNorm(y, `${path}.ffn.0`, attentionGroups), `${path}.ffn.1`))
    return tf.add(y, this.#conv(wide, `${path}.ffn.3`))
  }

  /** Padded as PyTorch does, on both sides alike. */
  #conv(x: Map, path: string, stride = 1): Map {
    const weight = this.#get<tf.Rank.R4>(`${path}.weight`)
    const edge = Math.floor(weight.shape[0] / 2)
    const sides: [number, number] = [edge, edge]
    const y =
      stride === 1
        ? tf.conv2d(x, weight, 1, 'same')
        : tf.conv2d(tf.pad(x, [[0, 0], sides, sides, [0, 0]]), weight, stride, 'valid')
    return tf.add(y, this.#get(`${path}.bias`))
  }

  #linear<T extends tf.Tensor>(x: T, path: string): T {
    const weight = this.#get<tf.Rank.R2>(`${path}.weight`)
    const rows = tf.reshape(x, [-1, weight.shape[0]])
    const product = tf.add(tf.matMul(rows as Rank2, weight), this.#get(`${path}.bias`))
    return tf.reshape(product, [...x.shape.slice(0, -1), weight.shape[1]]) as T
  }

  #groupNorm(x: Map, path: string, groups: number): Map {
    const [batch, height, width, channels] = x.shape
    const grouped = tf.reshape(x, [batch, height * width, groups, channels / groups])
    const { mean, variance } = tf.moments(grouped, [1, 3], true)
    const normal = tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, 1e-5)))
    return tf.add(tf.mul(tf.reshape(normal, x.shape), this.#get(`${path}.weight`)), this.#get(`${path}.bias`))
  }

  #layerNorm(x: Rank3, path: string): Rank3 {
    const { mean, variance } = tf.moments(x, 2, true)
    const normal = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5)))
    return tf.add(tf.mul(normal, this.#get(`${path}.weight`)), this.#get(`${path}.bias`))
  }
}

interface Condition {
  readonly tokens: Rank3
  /** What is added to scores: a large negative number at what is not to be seen. */
  readonly hidden: Map
  readonly embedding: Rank2
}

/** q, k, v: [batch, heads, positions, features]. */
function attend(q: Map, k: Map, v: Map, hidden?: Map): Map {
  const scores = tf.mul<Map>(tf.matMul(q, k, false, true), q.shape[3] ** -0.5)
  return tf.matMul(tf.softmax(hidden ? tf.add(scores, hidden) : scores), v)
}

function silu<T extends tf.Tensor>(x: T): T {
  return tf.mul<T>(x, tf.sigmoid(x))
}

function gelu(x: Map): Map {
  return tf.mul<Map>(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1))
}
