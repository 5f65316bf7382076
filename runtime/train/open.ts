/** Makes a training ready as far as no engine is needed: phases, data sets, conditions, what the pictures show. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Model, Training } from '../../compiler/check/model.js'
import { labelsUnknown } from '../../compiler/diagnostics/train.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Dataset } from '../data/dataset.js'
import { openDataset } from '../data/open.js'
import { conditionsOf } from './conditions.js'
import type { Examples, PhaseData } from './job.js'
import { phasesOf, publishedTraining, type PhaseChanges, type PlannedPhase } from './phases.js'
import type { PreviewWishes } from './previews.js'

/** What a user says of the data. */
export interface DataWishes {
  /** `emoji`, or where the data lies. */
  readonly data: string
  /** Labels of the examples that are wanted; all where there are none. */
  readonly only: readonly string[]
  /** Share of the examples that is measured on instead of trained on. */
  readonly heldOut: number
  readonly encoder: string | undefined
}

/** What a user asks of a training; what is undefined is as the model says. */
export interface TrainingWishes extends PhaseChanges, DataWishes {
  /** Prompts or labels of the pictures. */
  readonly words: readonly string[]
  /** Steps of the solver that makes them. */
  readonly sampleSteps: number | undefined
}

export interface OpenedTraining {
  readonly training: Omit<Training, 'phases'>
  readonly phases: readonly PlannedPhase[]
  /** By number of the phase. */
  readonly data: readonly PhaseData[]
  readonly previews: PreviewWishes
  /** Of all data sets: what is read, and whether it is still the same. */
  readonly about: { readonly name: string; readonly fingerprint: string; readonly examples: number }
}

/** Pictures of a grid where the user does not say what they show, and the most steps that each is made in. */
const pictures = 16
const pictureSteps = 50

/** Where text is kept once it has been encoded, for all runs of this user. */
function captionFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'mdmc', 'captions')
}

/** What does not go together is reported, and gives undefined. Throws a DataFailure where a program is missing. */
export async function openTraining(
  model: Model,
  wishes: TrainingWishes,
  report: Report,
  progress?: (done: number, all: number) => void,
): Promise<OpenedTraining | undefined> {
  const phases = phasesOf(model, wishes, report)
  if (phases === undefined) return undefined
  const training = model.training ?? publishedTraining
  const drops = training.conditionDropout > 0
  const byFrames = new Map<number, { readonly whole: Dataset; readonly data: PhaseData }>()
  const data: PhaseData[] = []
  for (const { model: part } of phases) {
    const { frames } = part
    const opened = byFrames.get(frames) ?? (await openData(part, drops, wishes, report, progress))
    if (opened === undefined) return undefined
    byFrames.set(frames, opened)
    data.push(opened.data)
  }
  const sets = Array.from(byFrames.values(), ({ whole }) => whole)
  const [first] = data
  const { sampling } = model
  return {
    training,
    phases,
    data,
    previews: {
      sampling: { ...sampling, until: undefined, steps: wishes.sampleSteps ?? Math.min(sampling.steps, pictureSteps) },
      words: wishes.words.length > 0 ? wishes.words : first ? wordsOf(model, first.examples.dataset) : [],
      encoder: wishes.encoder,
    },
    about: {
      name: wishes.data,
      fingerprint: sets.map(({ fingerprint }) => fingerprint).join(' '),
      examples: sets[0]?.length ?? 0,
    },
  }
}

/**
 * Opens the data set and makes its conditions ready: those of no condition as well where it `drops` some. What does not
 * go together is reported, and gives undefined. Throws a DataFailure where a program is missing.
 */
export async function openData(
  model: Model,
  drops: boolean,
  { data: setting, only, heldOut: share, encoder }: DataWishes,
  report: Report,
  progress?: (done: number, all: number) => void,
): Promise<{ readonly whole: Dataset; readonly data: PhaseData } | undefined> {
  const all = await openDataset(setting, model.frames, report)
  if (all === undefined) return undefined
  const unknown = only.filter((label) => !all.classes.includes(label))
  if (unknown.length > 0) {
    report(labelsUnknown({ unknown, known: all.classes }), undefined)
    return undefined
  }
  const whole = only.length > 0 ? all.only(only) : all
  const parts = share > 0 ? whole.heldOut(share) : { training: whole, heldOut: undefined }
  const settings = {
    encoder,
    drops,
    folder: captionFolder(),
    ...(progress ? { progress } : {}),
  }
  const withConditions = async (dataset: Dataset): Promise<Examples | undefined> => {
    const conditions = await conditionsOf(model, dataset, settings, report)
    return conditions && { dataset, conditions }
  }
  const examples = await withConditions(parts.training)
  const heldOut = examples && parts.heldOut ? await withConditions(parts.heldOut) : undefined
  if (examples === undefined || (parts.heldOut && heldOut === undefined)) return undefined
  return { whole, data: { examples, heldOut } }
}

/** What pictures show where nobody says it: captions or classes from all over the data set; nothing for a model without condition. */
export function wordsOf({ condition }: Model, dataset: Dataset): readonly string[] {
  const count = Math.min(pictures, dataset.length)
  const spread = Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * dataset.length) / count))
  if (condition === undefined) return spread.map(() => '')
  if (condition.kind === 'text') return spread.map((example) => dataset.caption(example) ?? '')
  const classes =
    condition.names.length > 0 ? condition.names : Array.from({ length: condition.classes }, (_, i) => String(i))
  return classes.slice(0, pictures)
}
