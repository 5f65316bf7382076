/** A whole training run: phase after phase. */
import { Pool } from '../data/pool.js'
import type { SavedCheckpoint } from '../run/checkpoints.js'
import { RunCounters } from './counters.js'
import type { TrainJob, TrainOutcome } from './job.js'
import { PhaseRun } from './phase_run.js'
import { phaseAt } from './phases.js'

/**
 * Trains, from a checkpoint of the run on where there is one. Each phase begins with the averaged weights of the one
 * before. Ends early where the hooks ask for it, and as failed where the gradients stop being finite; undefined where
 * something that was given does not fit, which is reported.
 */
export async function train(job: TrainJob, from: SavedCheckpoint | undefined): Promise<TrainOutcome | undefined> {
  const pool = new Pool(job.workers)
  try {
    return await trainWith(pool, job, from)
  } finally {
    await pool.close()
  }
}

async function trainWith(
  pool: Pool,
  job: TrainJob,
  from: SavedCheckpoint | undefined,
): Promise<TrainOutcome | undefined> {
  const { phases } = job.plan
  const last = phases.at(-1)
  const total = last ? last.firstStep + last.steps : 0
  const counters = new RunCounters(from?.state.counters)
  let checkpoint = from
  let steps = from?.step ?? 0
  while (steps < total) {
    const number = phaseAt(phases, steps)
    const phase = await PhaseRun.open(job, pool, number, counters, checkpoint)
    await checkpoint?.close()
    if (phase === undefined) return undefined
    try {
      const outcome = await phase.run(steps)
      if (outcome?.kind !== 'done') return outcome
      steps = outcome.steps
      if (steps === total) await phase.finish()
    } finally {
      await phase.close()
    }
    checkpoint = steps < total ? await job.folder.resume(job.report) : undefined
  }
  return { kind: 'done', steps }
}
