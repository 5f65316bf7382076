/** Prompts as a model of text takes them, by the built-in encoder. */
import * as tf from '@tensorflow/tfjs-core'
import { uploaded } from '../../backends/tfjs/tensors.js'
import { padded } from '../text/encoder.js'
import { hashRow } from '../text/hash.js'
import { successOf } from './findings.js'

/** Text [prompts, tokens, width] and its mask [prompts, tokens]. */
export interface EncodedPrompts {
  readonly text: tf.Tensor3D
  readonly text_mask: tf.Tensor2D
}

/** The encoder of `width` features per token. */
export function hashTextEncoder(width: number): (prompts: readonly string[]) => EncodedPrompts {
  return (prompts) => {
    if (prompts.length === 0) throw new Error('there is no prompt to encode; the empty prompt is ""')
    const { text, mask } = successOf((report) =>
      padded(
        prompts.map((prompt) => hashRow(prompt, width, report)),
        width,
      ),
    )
    return { text: uploaded(tf, text) as tf.Tensor3D, text_mask: uploaded(tf, mask) as tf.Tensor2D }
  }
}

/** Texts one below the other, the shorter ones padded. They stay the caller's. */
export function stacked(texts: readonly EncodedPrompts[]): EncodedPrompts {
  const tokens = Math.max(...texts.map(({ text }) => text.shape[1]))
  const { text, text_mask } = tf.tidy(() => ({
    text: tf.concat(texts.map((one) => tf.pad(one.text, [[0, 0], [0, tokens - one.text.shape[1]], [0, 0]]))), // prettier-ignore
    text_mask: tf.concat(texts.map((one) => tf.pad(one.text_mask, [[0, 0], [0, tokens - one.text.shape[1]]]))), // prettier-ignore
  }))
  return { text, text_mask }
}
