/** What turns prompts into the text that a model takes, and what all encoders have in common. */
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { nothingAsked } from '../../compiler/diagnostics/text.js'
import type { Tensor } from '../../compiler/ir/tensor.js'

/** The most tokens of a prompt, the end token included; what the published models were trained with. */
export const tokenLimit = 128

/** Prompts as a model's inputs. */
export interface EncodedText {
  /** [prompts, tokens, width], float32; zeros where a prompt is shorter than the longest. */
  readonly text: Tensor
  /** [prompts, tokens], float32: 1 for tokens, 0 for padding. */
  readonly mask: Tensor
}

/** A frozen text encoder. What it makes of a prompt does not depend on the other prompts. */
export interface TextEncoder {
  /** Features per token. */
  readonly width: number
  /**
   * Prompts in their order; the empty prompt stands for no condition. What is wrong with them is told to the report
   * that the encoder was opened with, and gives undefined. Throws EngineUnavailable if the machine cannot run it.
   */
  encode(prompts: readonly string[]): Promise<EncodedText | undefined>
  close(): Promise<void>
}

/** The tokens of one prompt. */
export interface Row {
  /** [tokens, width], row-major. Tokens that the mask leaves out are zeros. */
  readonly features: Float32Array
  /** Per token: 1, or 0 for what is no token. */
  readonly mask: Float32Array
}

/** One prompt's row; undefined if what is wrong with it has been reported. */
export type RowOf = (prompt: string) => Promise<Row | undefined> | Row | undefined

/** An encoder of prompts one by one: each different prompt is encoded once, and padded to the longest of them. */
export function encoderOfRows(
  width: number,
  rowOf: RowOf,
  report: Report,
  close: () => Promise<void> = async () => undefined,
): TextEncoder {
  return {
    width,
    async encode(prompts) {
      if (prompts.length === 0) report(nothingAsked({ what: 'prompt' }), undefined)
      const rows = new Map<string, Row | undefined>()
      for (const prompt of prompts) if (!rows.has(prompt)) rows.set(prompt, await rowOf(prompt))
      const found = prompts.flatMap((prompt) => rows.get(prompt) ?? [])
      return prompts.length === 0 || found.length < prompts.length ? undefined : padded(found, width)
    },
    close,
  }
}

/** Rows as one tensor, padded to the longest of them. */
export function padded(rows: readonly Row[], width: number): EncodedText {
  const tokens = Math.max(1, ...rows.map(({ mask }) => mask.length))
  const text = new Float32Array(rows.length * tokens * width)
  const mask = new Float32Array(rows.length * tokens)
  rows.forEach((row, i) => {
    text.set(row.features, i * tokens * width)
    mask.set(row.mask, i * tokens)
  })
  return {
    text: { shape: [rows.length, tokens, width], data: text },
    mask: { shape: [rows.length, tokens], data: mask },
  }
}
