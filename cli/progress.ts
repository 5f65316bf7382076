/** Progress of long work: a bar with rate and time left on a terminal, now and then a line elsewhere. */
import { SingleBar } from 'cli-progress'
import { say } from './report.js'

export interface Progress {
  /** So much more is done. */
  advance(amount: number): void
  stop(): void
}

/** What is counted: how much of it makes one unit, and what that is called. */
interface Unit {
  readonly size: number
  readonly name: string
}

/** Seconds between lines where there is no terminal; shorter work says nothing. */
const quiet = 10

/** Shows how much of `total` bytes is done. */
export function byteProgress(what: string, total: number): Progress {
  return progress(what, total, { size: 2 ** 20, name: 'MiB' })
}

/** Shows how many of `total` steps are done. */
export function stepProgress(what: string, total: number): Progress {
  return progress(what, total, { size: 1, name: 'steps' })
}

function progress(what: string, total: number, unit: Unit): Progress {
  const started = performance.now()
  const rate = (done: number) => {
    const perSecond = done / unit.size / Math.max(1e-3, (performance.now() - started) / 1000)
    return `${perSecond < 10 ? perSecond.toFixed(2) : perSecond.toFixed(0)} ${unit.name}/s`
  }
  return process.stderr.isTTY ? bar(what, total, rate) : lines(what, total, started, rate)
}

function bar(what: string, total: number, rate: (done: number) => string): Progress {
  const shown = new SingleBar({
    format: `${what} {bar} {percentage} % | {rate} | {eta_formatted} left`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  })
  shown.start(total, 0, { rate: '-' })
  let done = 0
  return {
    advance: (amount) => {
      done += amount
      shown.update(done, { rate: rate(done) })
    },
    stop: () => shown.stop(),
  }
}

function lines(what: string, total: number, started: number, rate: (done: number) => string): Progress {
  let done = 0
  let last = started
  return {
    advance: (amount) => {
      done += amount
      if (performance.now() - last < quiet * 1000) return
      last = performance.now()
      const left = ((total - done) / done) * ((last - started) / 1000)
      say(`${what}: ${Math.round((100 * done) / total)} %, ${rate(done)}, ${left.toFixed(0)} s left`)
    },
    stop: () => undefined,
  }
}
