/** Progress of long work: a bar with rate and time left on a terminal, now and then a line elsewhere. */
import { SingleBar } from 'cli-progress'
import { say } from './report.js'

export interface Progress {
  /** So much more is done; `remark` is shown beside it. */
  advance(amount: number, remark?: string): void
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

/** Shows how many of `total` steps are done, of which `before` were done at an earlier time. */
export function stepProgress(what: string, total: number, before = 0): Progress {
  return progress(what, total, { size: 1, name: 'steps' }, before)
}

/** Shows how many of `total` things are done, of which `before` were done at an earlier time. */
export function itemProgress(what: string, total: number, before = 0): Progress {
  return progress(what, total, { size: 1, name: what }, before)
}

/** Shows captions being encoded, once that takes long. */
export function captionProgress(): { advance: (done: number, all: number) => void; stop: () => void } {
  let shown: Progress | undefined
  let before = 0
  return {
    advance: (done, all) => {
      shown ??= itemProgress('captions', all)
      shown.advance(done - before)
      before = done === all ? 0 : done
      if (done < all) return
      shown.stop()
      shown = undefined
    },
    stop: () => shown?.stop(),
  }
}

function progress(what: string, total: number, unit: Unit, before = 0): Progress {
  const started = performance.now()
  const rate = (done: number) => {
    const perSecond = (done - before) / unit.size / Math.max(1e-3, (performance.now() - started) / 1000)
    return `${perSecond < 10 ? perSecond.toFixed(2) : perSecond.toFixed(0)} ${unit.name}/s`
  }
  return process.stderr.isTTY ? bar(what, total, before, rate) : lines(what, total, before, rate)
}

function bar(what: string, total: number, before: number, rate: (done: number) => string): Progress {
  const shown = new SingleBar({
    format: `${what} {bar} {percentage} % | {rate} | {remark}{eta_formatted} left`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  })
  shown.start(total, before, { rate: '-', remark: '' })
  let done = before
  return {
    advance: (amount, remark) => {
      done += amount
      shown.update(done, { rate: rate(done), remark: remark === undefined ? '' : `${remark} | ` })
    },
    stop: () => shown.stop(),
  }
}

function lines(what: string, total: number, before: number, rate: (done: number) => string): Progress {
  const started = performance.now()
  let done = before
  let last = started
  return {
    advance: (amount, remark) => {
      done += amount
      if (performance.now() - last < quiet * 1000) return
      last = performance.now()
      const left = ((total - done) / (done - before)) * ((last - started) / 1000)
      say(
        `${what}: ${Math.round((100 * done) / total)} %, ${rate(done)}, ${remark === undefined ? '' : `${remark}, `}${left.toFixed(0)} s left`,
      )
    },
    stop: () => undefined,
  }
}
