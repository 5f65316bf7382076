/** Encoded text without its padding. */
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'

/** Features of the tokens of one text. */
export interface Tokens {
  readonly tokens: number
  /** [tokens, width], row-major. */
  readonly features: Float32Array
}

/** The real tokens of one row of `text` [rows, tokens, width], as `mask` [rows, tokens] tells them. */
export function realTokens(text: Tensor, mask: Tensor, row: number): Tokens {
  const [, all = 0, width = 0] = text.shape
  if (elementCount(mask.shape) * width !== text.data.length) throw new Error('text, and the mask of another')
  const real = Array.from({ length: all }, (_, token) => row * all + token).filter((token) => mask.data[token] === 1)
  const features = new Float32Array(real.length * width)
  real.forEach((token, i) => features.set(text.data.subarray(token * width, (token + 1) * width), i * width))
  return { tokens: real.length, features }
}
