/** Diagnostics about the folder of a training run: what is taken, damaged or in use. */
import { diagnostic } from './diagnostic.js'
import { counted } from './suggest.js'
import { quoted } from './weights.js'

/** A new run where there is one already. */
export const runExists = diagnostic({
  code: 'MDM1001',
  message: () => 'this folder holds a run already',
  reason: 'a new run would mix with it',
  help: 'go on with that run by `mdmc train --resume FOLDER`, or name another folder with -o',
})

/** A new run among other files. */
export const runFolderNotEmpty = diagnostic<{ name: string }>({
  code: 'MDM1002',
  message: ({ name }) => `this folder is not empty: it has ${quoted(name)}`,
  reason: 'a run keeps its folder to itself, as it replaces and removes files there',
  help: 'name a folder with -o that is empty or does not exist yet',
})

/** A folder that is to be resumed, and is none. */
export const runMissing = diagnostic<{ problem: string }>({
  code: 'MDM1003',
  message: ({ problem }) => `there is no run here: ${problem}`,
  help: 'give the folder of a run that `mdmc train` has begun; it has a file run.json',
})

/** run.json is not what was written. */
export const runDamaged = diagnostic<{ problem: string }>({
  code: 'MDM1004',
  message: ({ problem }) => `the settings of the run cannot be used: ${problem}`,
  reason: 'without them it is not certain what the run was training, and on what',
  help: 'begin a new run in another folder; weights in checkpoints/ can still be read on their own',
})

/** Two runs at once in one folder. */
export const runInUse = diagnostic<{ holder: string; seconds: number; patience: number }>({
  code: 'MDM1005',
  message: ({ holder, seconds }) => `${holder} is at work on this run; its last sign of life is ${seconds} s old`,
  reason: 'two runs that write into one folder would damage each other',
  help: ({ patience }) =>
    `wait until it ends, or stop it; if it does not run any more, try again in ${counted(Math.ceil(patience / 60), 'minute')}, or delete the file \`lock\``,
})

/** A checkpoint that is passed over. */
export const checkpointDamaged = diagnostic<{ problem: string; instead: number; lost: number }>({
  code: 'MDM1006',
  severity: 'warning',
  message: ({ problem, instead }) =>
    `this checkpoint is damaged: ${problem}; the run goes on from the one of step ${instead}`,
  reason: 'a checkpoint counts only if every byte is as it was written',
  help: ({ lost }) => `nothing is to be done: ${counted(lost, 'step')} will be trained again`,
})

/** Checkpoints, and none of them of use. */
export const noWholeCheckpoint = diagnostic<{ problem: string; count: number }>({
  code: 'MDM1007',
  message: ({ problem, count }) =>
    count === 1
      ? `the only checkpoint of this run is damaged: ${problem}`
      : `all ${count} checkpoints of this run are damaged, this one because ${problem}`,
  reason: 'a checkpoint counts only if every byte is as it was written',
  help: 'put the files back if you have a copy; otherwise begin a new run in another folder',
})

/** Lines of metrics.jsonl that say nothing. */
export const metricsDamaged = diagnostic<{ lines: number }>({
  code: 'MDM1008',
  severity: 'warning',
  message: ({ lines }) =>
    `${counted(lines, 'line')} of the metrics cannot be read and ${lines === 1 ? 'is' : 'are'} left out`,
  help: 'curves may have gaps; training itself does not depend on them',
})
