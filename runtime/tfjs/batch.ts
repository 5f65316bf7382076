/** The inputs of a loss: what the user gives of a batch, and what is drawn for it. */
import * as tf from '@tensorflow/tfjs-core'
import { uploaded } from '../../backends/tfjs/tensors.js'
import type { Tensors } from '../../backends/tfjs/text.js'
import type { InputType } from '../../compiler/ir/graph.js'
import { unconditionalLabel } from '../text/labels.js'
import { drawDropped, drawsFor, type Place } from '../train/draws.js'
import { processIn, type Description, type GeneratedProgram } from './description.js'
import { hashTextEncoder, stacked, type EncodedPrompts } from './text.js'

/** A batch under the names of the module: `images`, `text`, `text_mask`, `label`, `micro_KEY`, `empty_text`, `empty_text_mask`. */
export type Batch = Readonly<Record<string, tf.Tensor | readonly number[] | undefined>>

/** How a batch is drawn for. */
export interface Drawing {
  readonly place: Place
  /** Draws that are given: `times`, `noise_RESOLUTION`, `dropout.PATH`. */
  readonly given: Batch
  /** Which examples are trained without their condition; drawn where undefined. */
  readonly dropped: readonly boolean[] | undefined
  /** Share of the examples without condition. */
  readonly rate: number
  /** Of how many equal parts of the rows of `batch`, `given` and `dropped` which one it is; the place is the part's. */
  readonly part: number
  readonly parts: number
}

/** All inputs of a program of loss or training, to be disposed by the caller. */
export function lossInputs(
  program: GeneratedProgram,
  description: Description,
  batch: Batch,
  { place, given, dropped, rate, part, parts }: Drawing,
): Tensors {
  return tf.tidy(() => {
    const names = program.inputs.map(({ name }) => name)
    const typed = (name: string, value: tf.Tensor | readonly number[]) => {
      const dataType = program.inputs.find((input) => input.name === name)?.dataType ?? 'float32'
      const tensor = value instanceof tf.Tensor ? value : tf.tensor1d([...value], dataType)
      const rows = tensor.shape[0] / parts
      return parts === 1 ? tf.clone(tensor) : tf.slice(tensor, part * rows, rows)
    }
    const inputs: Record<string, tf.Tensor> = {}
    for (const [name, value] of Object.entries({ ...batch, ...given }))
      if (value !== undefined && !emptyNames.includes(name)) inputs[name] = typed(name, value)
    for (const [key, value] of Object.entries(description.micros))
      if (names.includes(`micro_${key}`)) inputs[`micro_${key}`] ??= tf.fill([place.rows], value)
    const { rows } = place
    const without = dropped?.slice(part * rows, (part + 1) * rows) ?? drawDropped(place, rate)
    if (without.includes(true)) Object.assign(inputs, withoutCondition(inputs, without, description, batch))
    const draws = drawsFor(typesOf(program), trainedProcess(description), place, inputs.text?.shape[1] ?? 0)
    for (const [name, tensor] of Object.entries(draws)) inputs[name] ??= uploaded(tf, tensor, name)
    return inputs
  })
}

const emptyNames = ['empty_text', 'empty_text_mask']

/** The process with the share of each resolution in a batch that the phase has. */
function trainedProcess(description: Description) {
  const { diffusion, ...process } = processIn(description)
  return { ...process, diffusion: { ...diffusion, mix: description.training?.phase.mix ?? diffusion.mix } }
}

function typesOf({ inputs }: GeneratedProgram): InputType[] {
  return inputs.map(({ name, shape }) => ({ name, type: { dataType: 'float32', shape } }))
}

/** The condition's inputs, with that of no condition for some examples. */
function withoutCondition(
  { label, text, text_mask: mask }: Tensors,
  dropped: readonly boolean[],
  { condition }: Description,
  batch: Batch,
): Tensors {
  const rows = dropped.map((isDropped, row) => (isDropped ? dropped.length : row))
  const chosen = (tensor: tf.Tensor) => tf.gather(tensor, tf.tensor1d(rows, 'int32'))
  if (label !== undefined) {
    const none = tf.tensor1d([unconditionalLabel], 'int32')
    return { label: chosen(tf.concat([label, none])) }
  }
  if (condition?.kind !== 'text' || text === undefined || mask === undefined) return {}
  const all = stacked([{ text, text_mask: mask } as EncodedPrompts, emptyText(condition, batch)])
  return { text: chosen(all.text), text_mask: chosen(all.text_mask) }
}

function emptyText(
  { encoder, width }: { readonly encoder: string | undefined; readonly width: number },
  { empty_text: text, empty_text_mask: mask }: Batch,
): EncodedPrompts {
  if (text instanceof tf.Tensor && mask instanceof tf.Tensor) return { text, text_mask: mask } as EncodedPrompts
  if (encoder === 'hash') return hashTextEncoder(width)([''])
  throw new Error(
    'some examples are trained without their text (condition_dropout): give the encoded empty prompt, of shape ' +
      `[1, tokens, ${width}], as empty_text, with its empty_text_mask`,
  )
}
