/**
 * Weights that follow a rule, so that conformance figures need no stored weights: every element is a hash of its
 * parameter's name and its index.
 */
import { elementsOf } from './dtype.js'
import { computedWeights, type WeightSource } from './source.js'

/** FNV-1a, 32 bits, of the UTF-8 of `name`. */
function fnv1a(name: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash
}

/** The upper 24 bits of the hash of element `i`: MurmurHash3's finaliser over seed and index. */
function hash24(seed: number, i: number): number {
  let h = seed ^ Math.imul(i, 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 8
}

/** u of `name`, a function of the element's index: in [-1, 1), a multiple of 2^-23. */
export function ruleUniforms(name: string): (i: number) => number {
  const seed = fnv1a(name)
  return (i) => hash24(seed, i) / 2 ** 23 - 1
}

/** How a parameter's values come from u: offset + scale u. */
function affineOf(name: string, shape: readonly number[]): { offset: number; scale: number } {
  if (shape.length >= 2) return { offset: 0, scale: Math.sqrt(3 / elementsOf(shape.slice(1))) }
  return name.endsWith('.weight') ? { offset: 1, scale: 0.2 } : { offset: 0, scale: 0.1 }
}

/** The rule's values of a parameter: computed in float64, rounded once to float32. */
export function ruleValues(name: string, shape: readonly number[]): Float32Array {
  const { offset, scale } = affineOf(name, shape)
  const seed = fnv1a(name)
  const values = new Float32Array(elementsOf(shape))
  for (let i = 0; i < values.length; i++) values[i] = offset + scale * (hash24(seed, i) / 2 ** 23 - 1)
  return values
}

/** The rule's weights of a model. Tensors are computed when they are read. */
export function ruleWeights(
  parameters: readonly { readonly name: string; readonly shape: readonly number[] }[],
): WeightSource {
  return computedWeights(parameters, ({ name, shape }) => ruleValues(name, shape))
}

/** What stands for a tensor too large to record. */
export interface Digest {
  /** L2 norm. */
  readonly norm: number
  /** Inner product with u of the name `digest:` + the tensor's name. */
  readonly dot: number
}

/** The digest of a tensor, in float64. */
export function digest(name: string, values: ArrayLike<number>): Digest {
  const u = ruleUniforms(`digest:${name}`)
  let squares = 0
  let dot = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0
    squares += value * value
    dot += value * u(i)
  }
  return { norm: Math.sqrt(squares), dot }
}
