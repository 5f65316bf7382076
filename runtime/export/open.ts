/** Makes an export ready as far as nothing is written: data, conditions, prompts, and all that decides about its bytes. */
import type { Model } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { microDefaults } from '../../compiler/build/denoiser.js'
import { encoderIdentity } from '../data/captions.js'
import type { PhaseData } from '../train/job.js'
import { openData, type DataWishes } from '../train/open.js'
import { imagesOf, isTrainable } from '../train/phases.js'
import type { ExportSettings } from './folder.js'
import type { Precision } from './npy.js'
import { promptsOf, type Prompts } from './prompts.js'

/** What a user asks of an export. */
export interface ExportWishes extends DataWishes {
  readonly prompts: readonly string[]
  readonly labels: readonly string[]
  readonly seed: number
  /** Examples in a shard. */
  readonly shardSize: number
  readonly textPrecision: Precision
}

export interface OpenedExport {
  readonly model: Model
  readonly wishes: ExportWishes
  readonly data: PhaseData
  readonly prompts: Prompts
  /** The text encoder's name; null for a model that takes no text. */
  readonly encoder: string | null
  readonly settings: ExportSettings
}

/** What does not go together is reported, and gives undefined. Throws a DataFailure where a program is missing. */
export async function openExport(
  model: Model,
  wishes: ExportWishes,
  report: Report,
  progress: (done: number, all: number) => void,
): Promise<OpenedExport | undefined> {
  if (!isTrainable(model, report)) return undefined
  // The empty prompt is always wanted: whether some are dropped is for the training to say.
  const opened = await openData(model, true, wishes, report, progress)
  if (opened === undefined) return undefined
  const { whole, data } = opened
  const prompts = await promptsOf(model, data.examples.dataset, wishes, report)
  if (prompts === undefined) return undefined
  const { condition } = model
  const encoder = condition?.kind === 'text' ? (wishes.encoder ?? condition.encoder ?? null) : null
  const { channels, frames, side } = imagesOf(model)
  const settings: ExportSettings = {
    data: wishes.data,
    'content of the data': whole.fingerprint,
    only: wishes.only,
    'held out': wishes.heldOut,
    seed: wishes.seed,
    'shard size': wishes.shardSize,
    side,
    frames,
    channels,
    condition: condition?.kind ?? null,
    classes: condition?.kind === 'label' ? [condition.classes, ...condition.names] : null,
    encoder: encoder === null ? null : (await encoderIdentity(encoder)).join(' '),
    'text width': prompts.text?.width ?? null,
    'text precision': prompts.text ? wishes.textPrecision : null,
    'micro-conditions': Array.from(microDefaults(model), ([key, value]) => `${key} ${value}`),
    prompts: prompts.words,
  }
  return { model, wishes, data, prompts, encoder, settings }
}
