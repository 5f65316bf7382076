/** The conditions of a training batch: text, labels and micro-conditions of its examples, some of them left out. */
import { microDefaults } from '../../compiler/build/denoiser.js'
import type { Model } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { encodeCaptions } from '../data/captions.js'
import type { Dataset } from '../data/dataset.js'
import { labelRows } from '../data/labels.js'
import { encoderOf } from '../text/open.js'

/** The condition of some examples as inputs of a graph; where `dropped` is true, that of no condition. */
export type ConditionsOf = (
  examples: readonly number[],
  dropped: readonly boolean[],
) => Promise<Readonly<Record<string, Tensor>>>

export interface ConditionSettings {
  /** The text encoder; the model's own where absent. */
  readonly encoder: string | undefined
  /** Whether conditions are to be dropped. */
  readonly drops: boolean
  /** Folder where text is kept once it has been encoded. */
  readonly folder: string
  readonly progress?: (done: number, all: number) => void
}

/** Makes the conditions of a data set's examples ready; what does not fit is reported, and gives undefined. */
export async function conditionsOf(
  { condition }: Model,
  dataset: Dataset,
  settings: ConditionSettings,
  report: Report,
): Promise<ConditionsOf | undefined> {
  if (condition === undefined) return async () => ({})
  if (condition.kind === 'label') {
    const labels = labelRows(dataset, condition, report)
    return labels && (async (examples, dropped) => ({ label: labels(examples, dropped) }))
  }
  const encoder = await encoderOf(condition, settings.encoder, report)
  if (encoder === undefined) return undefined
  try {
    const name = settings.encoder ?? condition.encoder ?? ''
    const captions = await encodeCaptions(dataset, { ...settings, encoder, name }, report)
    return (
      captions &&
      (async (examples, dropped) => {
        const { text, mask } = await captions.rows(examples, dropped)
        return { text, text_mask: mask }
      })
    )
  } finally {
    await encoder.close()
  }
}

/** Micro-conditions have their defaults: all images are brought to the model's own size. */
export function microsFor(model: Model, rows: number): Record<string, Tensor> {
  return Object.fromEntries(
    Array.from(microDefaults(model), ([key, value]) => [
      `micro_${key}`,
      { shape: [rows], data: new Float32Array(rows).fill(value) },
    ]),
  )
}
