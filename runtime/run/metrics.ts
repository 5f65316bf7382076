/** metrics.jsonl: a line of numbers per step that is reported, and remarks on what happened in between. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { metricsDamaged } from '../../compiler/diagnostics/run.js'
import { isSystemError } from '../../files/problem.js'
import { writeWhole } from '../../files/whole.js'
import { wholeFile } from '../weights/failure.js'
import { isCount, parseObject } from '../json.js'

/**
 * Numbers of one step, under names of the caller's choice. The report knows `loss` and `loss/RESOLUTION`, the same with
 * `held_out/` before it, `learning_rate`, `gradient_norm`, `images_per_second`, and, as sums over the whole run,
 * `images`, `skipped` (steps whose gradients were not finite), `examples_skipped`, `seconds` and `waiting_seconds` (for
 * data). It plots all others too. A number that is not finite is written as null.
 */
export type MetricsRow = Readonly<Record<string, number>> & { readonly step: number }

/** A line as it is read: numbers by name. */
export interface MetricsLine {
  readonly step: number
  /** Seconds since 1970. */
  readonly time: number
  readonly values: ReadonlyMap<string, number>
  readonly note: string | undefined
}

export function metricsPath(folder: string): string {
  return join(folder, 'metrics.jsonl')
}

/** The line for a row of numbers. */
export function metricsLine(row: MetricsRow, time: number): string {
  const { step, ...values } = row
  return JSON.stringify({ step, time, ...values }) + '\n'
}

/** The line for a remark. */
export function noteLine(step: number, note: string, time: number): string {
  return JSON.stringify({ step, time, note }) + '\n'
}

/**
 * All lines. One that is cut short at the end is left out, as a killed run may leave it; others that cannot be read are
 * left out too, and reported.
 */
export async function readMetrics(folder: string, report: Report): Promise<MetricsLine[]> {
  return (await readLines(folder, report)).map(({ line }) => line)
}

/** Removes the lines of steps after `step`, and what cannot be read; -1 removes all. */
export async function cutMetrics(folder: string, step: number, report: Report): Promise<void> {
  const kept = (await readLines(folder, report)).filter(({ line }) => line.step <= step)
  await writeWhole(metricsPath(folder), kept.map(({ text }) => `${text}\n`).join(''))
}

async function readLines(folder: string, report: Report): Promise<{ text: string; line: MetricsLine }[]> {
  const path = metricsPath(folder)
  const texts = (await readIfThere(path)).split('\n')
  // Every whole line ends with a newline.
  texts.pop()
  const lines = texts.flatMap((text) => {
    const line = parseLine(text)
    return line === undefined ? [] : [{ text, line }]
  })
  const damaged = texts.length - lines.length
  if (damaged > 0) report(metricsDamaged({ lines: damaged }), wholeFile(path))
  return lines
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return ''
    throw error
  }
}

function parseLine(text: string): MetricsLine | undefined {
  const { step, time, note, ...values } = parseObject(text) ?? {}
  if (!isCount(step)) return undefined
  return {
    step,
    time: typeof time === 'number' ? time : NaN,
    values: new Map(
      Object.entries(values).map(([name, value]) => [name, typeof value === 'number' ? value : NaN] as const),
    ),
    note: typeof note === 'string' ? note : undefined,
  }
}
