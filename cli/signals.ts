/** Ctrl-C, and its like from other programs. */
import { say } from './report.js'

/** As shells have it: 128 and the number of SIGINT. */
export const interrupted = 130

/** The first signal is remarked on and asks for an end where it does no harm; the second ends at once. */
export function stopOnSignals(remark: string): { readonly stopping: boolean; release(): void } {
  const state = { stopping: false, release: () => signals.forEach((signal) => process.off(signal, stop)) }
  const signals = ['SIGINT', 'SIGTERM'] as const
  const stop = () => {
    if (state.stopping) process.exit(interrupted)
    state.stopping = true
    say(remark)
  }
  for (const signal of signals) process.on(signal, stop)
  return state
}
