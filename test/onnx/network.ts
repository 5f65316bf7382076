/** A small network with everything that a denoiser has: time and text, residual blocks, attention, two resolutions. */
import { symbol } from '../../compiler/ir/dimension.js'
import type { Value } from '../../compiler/ir/graph.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { noise, TestGraph, type Network } from './support.js'

const batch = symbol('batch')
const tokens = symbol('tokens')
const [channels, side, features] = [32, 16, 24] as const

/** Weights that keep activations near deviation 1. */
function weight(shape: readonly number[], seed: number): Tensor {
  const fanIn = shape.slice(1).reduce((a, b) => a * b, 1)
  return { shape, data: noise(shape, seed).data.map((value) => value / Math.sqrt(fanIn)) }
}

class Layers {
  #seed = 1
  constructor(readonly g: TestGraph) {}

  #tensor(name: string, shape: readonly number[], around = 0): Value {
    const { data } = shape.length > 1 ? weight(shape, ++this.#seed) : noise(shape, ++this.#seed)
    const scaled = shape.length > 1 ? data : data.map((value) => around + 0.1 * value)
    return this.g.parameter(name, { shape, data: scaled })
  }

  conv(path: string, x: Value, out: number, kernel = 3, stride = 1): Value {
    this.g.within(path)
    const parts = [
      this.#tensor(`${path}.weight`, [out, Number(x.type.shape[1]), kernel, kernel]),
      this.#tensor(`${path}.bias`, [out]),
    ] as const
    return this.g.b.conv(x, ...parts, { stride, padding: (kernel - 1) / 2 })
  }

  linear(path: string, x: Value, out: number): Value {
    this.g.within(path)
    const width = Number(x.type.shape.at(-1))
    return this.g.b.linear(x, this.#tensor(`${path}.weight`, [out, width]), this.#tensor(`${path}.bias`, [out]))
  }

  groupNorm(path: string, x: Value): Value {
    this.g.within(path)
    const width = Number(x.type.shape[1])
    const parts = [this.#tensor(`${path}.weight`, [width], 1), this.#tensor(`${path}.bias`, [width])] as const
    return this.g.b.groupNorm(x, ...parts, { groups: 8, epsilon: 1e-5 })
  }

  layerNorm(path: string, x: Value): Value {
    this.g.within(path)
    const width = Number(x.type.shape.at(-1))
    const parts = [this.#tensor(`${path}.weight`, [width], 1), this.#tensor(`${path}.bias`, [width])] as const
    return this.g.b.layerNorm(x, ...parts, { epsilon: 1e-5 })
  }

  residual(path: string, x: Value, embedding: Value): Value {
    const { b } = this.g
    const width = Number(x.type.shape[1])
    let h = this.conv(`${path}.conv1`, b.silu(this.groupNorm(`${path}.norm1`, x)), width)
    const both = this.linear(`${path}.time_layer`, b.silu(embedding), 2 * width)
    const half = (start: number) =>
      b.reshape(b.slice(both, { axis: 1, start, end: start + width }), { shape: [batch, width, 1, 1] })
    h = b.add(b.mul(this.groupNorm(`${path}.norm2`, h), b.add(half(0), 1)), half(width))
    return b.add(x, this.conv(`${path}.conv2`, b.dropout(b.silu(h), { rate: 0.1 }), width))
  }

  attention(path: string, x: Value, text: Value, mask: Value): Value {
    const { b } = this.g
    const [, width = 0, height = 0, breadth = 0] = x.type.shape
    const [heads, each] = [4, Number(width) / 4]
    const positions = Number(height) * Number(breadth)
    const split = (value: Value, count: typeof tokens | number) =>
      b.transpose(b.reshape(value, { shape: [batch, count, heads, each] }), { permutation: [0, 2, 1, 3] })
    const flat = b.reshape(this.groupNorm(`${path}.norm`, x), { shape: [batch, width, positions] })
    const sequence = b.transpose(flat, { permutation: [0, 2, 1] })
    const q = split(this.linear(`${path}.q`, sequence, Number(width)), positions)
    const k = split(this.linear(`${path}.k`, text, Number(width)), tokens)
    const v = split(this.linear(`${path}.v`, text, Number(width)), tokens)
    this.g.within(path)
    const seen = b.transpose(b.attention(q, k, v, mask), { permutation: [0, 2, 1, 3] })
    const joined = b.reshape(seen, { shape: [batch, positions, width] })
    const out = b.transpose(this.linear(`${path}.proj_out`, joined, Number(width)), { permutation: [0, 2, 1] })
    return b.add(x, b.reshape(out, { shape: x.type.shape }))
  }
}

function embed(g: TestGraph, times: Value): Value {
  const { b } = g
  g.within('temporal')
  const half = channels / 2
  const speeds = Float32Array.from({ length: half }, (_, i) => Math.exp((-Math.log(10000) * i) / half))
  const angles = b.mul(b.reshape(times, { shape: [batch, 1] }), b.tensor({ shape: [half], data: speeds }))
  return b.concat(b.sin(angles), b.cos(angles), { axis: 1 })
}

/** Inputs `x_16`, `times`, `text`, `text_mask`; output `pred_16`. */
export function network(): Network {
  const g = new TestGraph()
  const { b } = g
  const layers = new Layers(g)
  const x = g.input('x_16', [batch, 3, side, side])
  const times = g.input('times', [batch])
  const text = g.input('text', [batch, tokens, features])
  const mask = g.input('text_mask', [batch, tokens])
  const words = layers.layerNorm('text.norm', layers.linear('text.project', text, channels))
  const embedding = layers.linear('temporal.layer', embed(g, times), 2 * channels)
  const skip = layers.residual('down.0', layers.conv('conv_in', x, channels), embedding)
  let h = layers.conv('down.1', skip, 2 * channels, 3, 2)
  h = layers.attention('middle.attention', layers.residual('middle.0', h, embedding), words, mask)
  g.within('up')
  h = b.concat(b.upsample(h, { factor: 2 }), skip, { axis: 1 })
  h = layers.residual('up.0', layers.conv('up.conv', h, channels, 1), embedding)
  const out = layers.conv('conv_out', b.silu(layers.groupNorm('norm_out', h)), 3)
  return g.finish({ pred_16: out })
}

export function networkInputs(size: number, words: number): Record<string, Tensor> {
  const times = Float32Array.from({ length: size }, (_, i) => 999 - 300 * i)
  const seen = Float32Array.from({ length: size * words }, (_, i) => (i % words < words - 1 ? 1 : 0))
  return {
    x_16: noise([size, 3, side, side], 7),
    times: { shape: [size], data: times },
    text: noise([size, words, features], 8),
    text_mask: { shape: [size, words], data: seen },
  }
}
