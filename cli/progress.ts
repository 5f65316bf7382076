/** Progress of long work: a bar with rate and time left on a terminal, now and then a line elsewhere. */
import { SingleBar } from 'cli-progress'
import { say } from './report.js'

export interface Progress {
  /** So many more bytes are done. */
  advance(bytes: number): void
  stop(): void
}

const mebibyte = 2 ** 20
/** Seconds between lines where there is no terminal; shorter work says nothing. */
const quiet = 10

/** Shows how much of `total` bytes is done. */
export function byteProgress(what: string, total: number): Progress {
  return process.stderr.isTTY ? bar(what, total) : lines(what, total)
}

function bar(what: string, total: number): Progress {
  const started = performance.now()
  const shown = new SingleBar({
    format: `${what} {bar} {percentage} % | {rate} MiB/s | {eta_formatted} left`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  })
  shown.start(total, 0, { rate: '-' })
  let done = 0
  return {
    advance: (bytes) => {
      done += bytes
      shown.update(done, { rate: rate(done, started) })
    },
    stop: () => shown.stop(),
  }
}

function lines(what: string, total: number): Progress {
  const started = performance.now()
  let done = 0
  let last = started
  return {
    advance: (bytes) => {
      done += bytes
      if (performance.now() - last < quiet * 1000) return
      last = performance.now()
      const left = ((total - done) / done) * ((last - started) / 1000)
      say(`${what}: ${Math.round((100 * done) / total)} %, ${rate(done, started)} MiB/s, ${left.toFixed(0)} s left`)
    },
    stop: () => undefined,
  }
}

function rate(bytes: number, started: number): string {
  return (bytes / mebibyte / Math.max(1e-3, (performance.now() - started) / 1000)).toFixed(0)
}
