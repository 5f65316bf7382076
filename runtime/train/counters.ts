/** What a run counts: sums since the last line of metrics, and totals of the whole run. All of it is in checkpoints. */
import { asObject } from '../json.js'
import type { MetricsRow } from '../run/metrics.js'
import type { PlainValue } from '../weights/source.js'
import type { StepResult } from './trainer.js'

/** Sums over some steps, by name. */
type Sums = Record<string, number>

export class RunCounters {
  /** Over the steps since the last line of metrics; `steps` counts those whose gradients were finite. */
  #interval: Sums = {}
  /** Over the whole run: images, skipped, examples_skipped, seconds, waiting_seconds. */
  readonly totals: Sums
  /** Steps in a row that were skipped. */
  skippedInARow: number
  /** The smallest held-out loss so far, or the smallest loss where nothing is held out. */
  best: number

  constructor(state: PlainValue | undefined) {
    const stored = asSums(state, 'totals')
    this.totals = { images: 0, skipped: 0, examples_skipped: 0, seconds: 0, waiting_seconds: 0, ...stored }
    this.#interval = asSums(state, 'interval')
    const { in_a_row: inARow = 0, best = Infinity } = asSums(state, 'latest')
    this.skippedInARow = inARow
    this.best = best
  }

  get state(): PlainValue {
    const latest = { in_a_row: this.skippedInARow, ...(Number.isFinite(this.best) ? { best: this.best } : {}) }
    return { totals: { ...this.totals }, interval: { ...this.#interval }, latest }
  }

  /** Counts a step; `seconds` are those since the last one. */
  count({ losses, norm, skipped }: StepResult, images: number, seconds: number, waiting: number): void {
    add(this.totals, { images, seconds, waiting_seconds: waiting, skipped: skipped ? 1 : 0 })
    this.skippedInARow = skipped ? this.skippedInARow + 1 : 0
    add(this.#interval, { all_images: images, all_seconds: seconds })
    if (!skipped) add(this.#interval, { ...losses, gradient_norm: norm, steps: 1 })
  }

  /** The line of metrics for the steps since the last one. */
  row(step: number, rate: number): MetricsRow {
    const { steps = 0, all_images: images = 0, all_seconds: seconds = 0, ...sums } = this.#interval
    this.#interval = {}
    const means = Object.entries(sums).map(([name, sum]) => [name, sum / steps] as const)
    return {
      step,
      ...Object.fromEntries(means),
      learning_rate: rate,
      images_per_second: images / Math.max(seconds, 1e-9),
      ...this.totals,
    }
  }
}

function add(sums: Sums, more: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + value
}

function asSums(state: PlainValue | undefined, key: string): Sums {
  const part = asObject(asObject(state)?.[key]) ?? {}
  return Object.fromEntries(
    Object.entries(part).flatMap(([name, value]) => (typeof value === 'number' ? [[name, value]] : [])),
  )
}
