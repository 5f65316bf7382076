/** What a user asks to be sampled, checked before any long work. */
import type { Sampling } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { onlyWith } from '../../compiler/diagnostics/model.js'
import * as say from '../../compiler/diagnostics/sample.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { encoderOf } from '../text/open.js'
import type { Subject } from './subject.js'
import { labelsOf } from '../text/labels.js'

/** Conditions in a user's words. */
export interface Wishes {
  /** One per image. */
  readonly prompts: readonly string[]
  readonly labels: readonly string[]
  readonly negative: string | undefined
  /** The text encoder; the model's own where absent. */
  readonly encoder: string | undefined
  /** Images for each prompt or label. */
  readonly count: number
}

/** Changes of the model's own settings of sampling. */
export type SamplingChanges = Partial<
  Pick<Sampling, 'method' | 'steps' | 'eta' | 'guidance' | 'spacing' | 'until' | 'seed'>
>

/** The model's settings with the user's changes; undefined where they do not go together, which is reported. */
export function settingsOf(
  model: Subject,
  changes: SamplingChanges,
  wishes: Wishes,
  report: Report,
): Sampling | undefined {
  const method = changes.method ?? model.sampling.method
  const spacing =
    changes.spacing ??
    (changes.method && changes.method !== model.sampling.method ? standardSpacing(method) : model.sampling.spacing)
  const settings: Sampling = { ...model.sampling, ...changes, method, spacing }
  const all = model.process.diffusion.steps
  const before = { wrong: false }
  const refuse = (finding: ReturnType<typeof say.noSuchSide>) => {
    before.wrong = true
    report(finding, undefined)
  }
  if (settings.steps > all) refuse(say.stepsBeyond({ steps: settings.steps, all }))
  if (settings.guidance !== 1 && !model.condition) refuse(say.guidanceWithoutCondition({ model: model.name }))
  if (changes.eta !== undefined && method !== 'ddim') refuse(onlyWith({ key: 'eta', needed: '`ddim`' }))
  if (wishes.negative !== undefined && settings.guidance === 1) refuse(say.negativeWithoutGuidance())
  const sides = model.process.resolutions.map(({ side }) => side)
  if (settings.until !== undefined && !sides.includes(settings.until))
    refuse(say.noSuchSide({ side: settings.until, sides }))
  const suitable = suits(model, wishes, report)
  return before.wrong || !suitable ? undefined : settings
}

/** Whether a model takes conditions of that kind; what it does not take is reported. */
export function suits(
  model: Pick<Subject, 'name' | 'condition'>,
  wishes: Omit<Wishes, 'count'>,
  report: Report,
): boolean {
  let suitable = true
  const refuse = (finding: ReturnType<typeof say.promptForOther>) => {
    suitable = false
    report(finding, undefined)
  }
  const kind = model.condition?.kind
  if (wishes.encoder !== undefined && kind !== 'text') refuse(onlyWith({ key: '--encoder', needed: 'a model of text' }))
  if (kind !== 'text' && (wishes.prompts.length > 0 || wishes.negative !== undefined)) {
    refuse(
      say.promptForOther({
        model: model.name,
        takes: kind === 'label' ? 'labels, not prompts' : 'no condition',
        option: kind === 'label' && wishes.prompts.length > 0 ? 'use --label' : 'leave out --prompt and --negative',
      }),
    )
  }
  if (kind !== 'label' && wishes.labels.length > 0) {
    refuse(
      say.promptForOther({
        model: model.name,
        takes: kind === 'text' ? 'prompts, not labels' : 'no condition',
        option: kind === 'text' ? 'use --prompt' : 'leave out --label',
      }),
    )
  }
  return suitable
}

function standardSpacing(method: Sampling['method']): Sampling['spacing'] {
  return method === 'dpm' ? 'log_snr' : 'even'
}

/** One image to make. */
export interface Wanted {
  /** Its prompt or label; empty where it has none. */
  readonly words: string
}

/** The images that the wishes ask for, each prompt or label `count` times. */
export function imagesOf({ prompts, labels, count }: Wishes): Wanted[] {
  const words = prompts.length > 0 ? prompts : labels.length > 0 ? labels : ['']
  return words.flatMap((word) => new Array<Wanted>(count).fill({ words: word }))
}

/** Makes the condition's tensors for some images. */
export type Conditioner = (images: readonly Wanted[]) => Readonly<Record<string, Tensor>>

/** Encodes all prompts or labels once. Where guided, unconditional rows come first. Undefined where that fails, which is reported. */
export async function conditionerOf(
  model: Subject,
  all: readonly Wanted[],
  wishes: Wishes,
  guided: boolean,
  report: Report,
): Promise<Conditioner | undefined> {
  if (model.condition === undefined) return () => ({})
  const unconditional = guided ? [wishes.negative ?? ''] : []
  const words = [...new Set([...all.map((image) => image.words), ...unconditional])]
  const rowsOf = (images: readonly Wanted[]) =>
    [...images.flatMap(() => unconditional), ...images.map((image) => image.words)].map((word) => words.indexOf(word))
  if (model.condition.kind === 'label') {
    const labels = labelsOf(model.condition, words, report)
    return labels && ((images) => ({ label: rows(labels, rowsOf(images)) }))
  }
  const encoder = await encoderOf(model.condition, wishes.encoder, report)
  if (encoder === undefined) return undefined
  try {
    const encoded = await encoder.encode(words)
    return (
      encoded &&
      ((images) => ({ text: rows(encoded.text, rowsOf(images)), text_mask: rows(encoded.mask, rowsOf(images)) }))
    )
  } finally {
    await encoder.close()
  }
}

/** Some rows of a tensor, in the order asked for. */
function rows({ shape, data }: Tensor, wanted: readonly number[]): Tensor {
  const size = shape.slice(1).reduce((product, side) => product * side, 1)
  const target =
    data instanceof Float64Array ? new Float64Array(wanted.length * size) : new Float32Array(wanted.length * size)
  wanted.forEach((row, i) => target.set(data.subarray(row * size, (row + 1) * size), i * size))
  return { shape: [wanted.length, ...shape.slice(1)], data: target }
}
