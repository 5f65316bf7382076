/** The learning rate by step. */
import type { Phase, Training } from '../../compiler/check/model.js'

/**
 * The learning rate of a phase's step, from 0 on. It rises linearly over `warmup` steps, of which the first two are
 * alike (step 0 counts as step 1, so that it is not lost), and stays, or falls along half a cosine to 0 at the phase's
 * end (Loshchilov & Hutter 2017, eq. 5, without restarts).
 */
export function learningRate(
  step: number,
  { rate, warmup, decay }: Pick<Training['optimizer'], 'rate' | 'warmup' | 'decay'>,
  phase: Pick<Phase, 'steps' | 'rate'>,
): number {
  const highest = phase.rate ?? rate
  if (step < warmup) return (highest * Math.max(1, step)) / warmup
  if (decay === 'constant') return highest
  const progress = Math.min(1, (step - warmup) / Math.max(1, phase.steps - warmup))
  return (highest * (1 + Math.cos(Math.PI * progress))) / 2
}
