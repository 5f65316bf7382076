/**
 * The built-in text encoder: each token is a fixed pseudo-random vector of mean square 1, so that models of text
 * run with nothing downloaded. It knows which words a prompt has, not what they mean or how they are ordered.
 */
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { promptCut } from '../../compiler/diagnostics/text.js'
import { fillUniform } from '../random/philox.js'
import { encoderOfRows, tokenLimit, type Row, type TextEncoder } from './encoder.js'

/** Runs of letters, marks and digits, and every other character but white space by itself. */
const pieces = /[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu

/** Words in lower case (NFKC) and signs of punctuation, in their order. */
export function wordsOf(prompt: string): string[] {
  return prompt.normalize('NFKC').toLowerCase().match(pieces) ?? []
}

/** Not a name that a word can give. */
const end = 'text/end'

/**
 * Fills `out` with a token's vector: U(-1, 1) of the Philox stream of seed 0 and the given name, divided by the root of
 * its mean square: features of size 1, so that they weigh as much as what a network adds them to.
 * Only operations that IEEE 754 defines to the last bit are used, so that every machine has the same vectors.
 */
function fillToken(out: Float32Array, name: string): void {
  fillUniform(out, { seed: 0, name })
  let squares = 0
  for (const value of out) squares += value * value
  const scale = Math.sqrt(out.length / squares)
  for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) * scale
}

/** The encoder of `width` features per token. */
export function hashEncoder(width: number, report: Report): TextEncoder {
  return encoderOfRows(width, (prompt) => hashRow(prompt, width, report), report)
}

/** The tokens of a prompt; one that is too long is cut, which is reported. */
export function hashRow(prompt: string, width: number, report: Report): Row {
  const words = wordsOf(prompt)
  const tokens = words.length + 1
  if (tokens > tokenLimit) report(promptCut({ prompt, tokens, limit: tokenLimit }), undefined)
  const streams = [...words.slice(0, tokenLimit - 1).map((word) => `text/word/${word}`), end]
  const features = new Float32Array(streams.length * width)
  streams.forEach((name, i) => fillToken(features.subarray(i * width, (i + 1) * width), name))
  return { features, mask: new Float32Array(streams.length).fill(1) }
}
