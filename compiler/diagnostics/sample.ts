/** Diagnostics about requests for samples, all of them before any long work. */
import { diagnostic } from './diagnostic.js'
import { oneOf } from './suggest.js'

export const guidanceWithoutCondition = diagnostic<{ model: string }>({
  code: 'MDM0801',
  message: ({ model }) => `guidance, but ${model} has no condition`,
  reason: 'guidance compares predictions with and without a condition (Ho & Salimans 2022)',
  help: 'leave out --guidance',
})

export const promptForOther = diagnostic<{ model: string; takes: string; option: string }>({
  code: 'MDM0802',
  message: ({ model, takes }) => `${model} takes ${takes}`,
  help: ({ option }) => option,
})

export const stepsBeyond = diagnostic<{ steps: number; all: number }>({
  code: 'MDM0803',
  message: ({ steps, all }) => `${steps} steps, but the schedule has ${all}`,
  help: ({ all }) => `use ${all} at most`,
})

export const noSuchSide = diagnostic<{ side: number; sides: readonly number[] }>({
  code: 'MDM0804',
  message: ({ side }) => `no resolution of the model has the side ${side}`,
  help: ({ sides }) => `sides: ${oneOf(sides.map(String))}`,
})

export const noWeights = diagnostic<{ model: string }>({
  code: 'MDM0805',
  message: ({ model }) => `no weights for ${model}`,
  reason: 'fresh weights predict nothing; their pictures are noise',
  help: 'give --weights FILE, or --fresh-weights SEED to see noise all the same',
})

export const negativeWithoutGuidance = diagnostic({
  code: 'MDM0806',
  message: () => 'a negative prompt without guidance',
  reason: 'the negative prompt is what guidance leads away from',
  help: 'give --guidance above 1',
})

export const badManifest = diagnostic<{ problem: string }>({
  code: 'MDM0807',
  message: ({ problem }) => `this is no compiled model: ${problem}`,
  help: 'give an .mdm file with --weights, or a folder that `mdmc compile` wrote',
})

export const ofSpecOnly = diagnostic<{ option: string }>({
  code: 'MDM0808',
  message: ({ option }) => `${option} is for .mdm files`,
  reason: 'a compiled folder holds one model with its weights',
  help: ({ option }) => `leave out ${option}`,
})
