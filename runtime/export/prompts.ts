/** What a training shows in its samples: prompts as text that a model takes, or classes. */
import type { Model } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Dataset } from '../data/dataset.js'
import { suits, type Wishes } from '../sample/request.js'
import { labelsOf } from '../text/labels.js'
import { encoderOf } from '../text/open.js'
import { wordsOf } from '../train/open.js'
import { realTokens, type Tokens } from './text.js'

export interface Prompts {
  /** Prompts or classes, in the user's words. */
  readonly words: readonly string[]
  /** The numbers of the classes, of a model of labels. */
  readonly labels: readonly number[] | undefined
  /** The text of the empty prompt and of each prompt, of a model of text. */
  readonly text: { readonly width: number; readonly empty: Tokens; readonly each: readonly Tokens[] } | undefined
}

/** Makes ready what the user asks for, or else words of the data set. What does not fit is reported, and gives undefined. */
export async function promptsOf(
  model: Model,
  dataset: Dataset,
  wishes: Pick<Wishes, 'prompts' | 'labels' | 'encoder'>,
  report: Report,
): Promise<Prompts | undefined> {
  const { condition } = model
  if (!suits(model, { ...wishes, negative: undefined }, report)) return undefined
  if (condition === undefined) return { words: [], labels: undefined, text: undefined }
  const given = [...wishes.prompts, ...wishes.labels]
  const words = given.length > 0 ? given : wordsOf(model, dataset)
  if (condition.kind === 'label') {
    const labels = labelsOf(condition, words, report)
    return labels && { words, labels: Array.from(labels.data), text: undefined }
  }
  const encoder = await encoderOf(condition, wishes.encoder, report)
  if (encoder === undefined) return undefined
  try {
    const encoded = await encoder.encode(['', ...words])
    if (encoded === undefined) return undefined
    const { text, mask } = encoded
    const row = (i: number) => realTokens(text, mask, i)
    const each = words.map((_, i) => row(i + 1))
    return { words, labels: undefined, text: { width: encoder.width, empty: row(0), each } }
  } finally {
    await encoder.close()
  }
}
