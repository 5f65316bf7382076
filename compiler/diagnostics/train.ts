/** Diagnostics about training runs. */
import { diagnostic } from './diagnostic.js'
import { oneOf } from './suggest.js'

export const nothingToTrain = diagnostic<{ model: string }>({
  code: 'MDM1101',
  message: ({ model }) => `there is no section \`train ${model}\` with a phase`,
  help: ({ model }) =>
    `write \`train ${model} { phase ${model} { steps 10k  batch 32 } }\`, or give --steps and --batch`,
})

export const cannotTrain = diagnostic<{ model: string; setting: string }>({
  code: 'MDM1102',
  message: ({ model, setting }) => `${model} has \`${setting}\`, which training does not support`,
  reason: 'the published training does not use it either',
  help: ({ setting }) => `leave out \`${setting.split(' ')[0] ?? ''}\``,
})

export const labelsUnknown = diagnostic<{ unknown: readonly string[]; known: readonly string[] }>({
  code: 'MDM1105',
  message: ({ unknown }) => `no example has the label ${oneOf(unknown.map((label) => `\`${label}\``))}`,
  help: ({ known }) =>
    known.length === 0
      ? 'the data set has no labels; leave out --only'
      : `its labels are ${known.slice(0, 12).join(', ')}`,
})

export const tooManySkipped = diagnostic<{ steps: number; step: number }>({
  code: 'MDM1103',
  message: ({ steps, step }) =>
    `the run stops at step ${step}: the last ${steps} steps had no finite loss and gradient`,
  reason: 'weights that give such losses do not recover',
  help: 'lower the learning rate, lengthen `warmup` or set `clip 1`, and resume from the last checkpoint',
})

export const dataChanged = diagnostic<{ name: string }>({
  code: 'MDM1104',
  message: ({ name }) => `the data set ${name} is not as it was when the run was begun`,
  reason: 'a run goes on with the same examples in the same order',
  help: 'bring the data back, or begin a new run with --weights of the last checkpoint',
})
