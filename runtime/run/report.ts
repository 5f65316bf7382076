/** report.html: a run at a glance. It is made from the other files of the folder, and can be made again at any time. */
import { join } from 'node:path'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { writeWhole } from '../../files/whole.js'
import { readMetrics } from './metrics.js'
import { pageOf } from './report-page.js'
import { plotsOf } from './report-plots.js'
import { readSamples, sampleSteps, type SampleGrid } from './samples.js'
import { readSettings } from './settings.js'

/** Grids that are shown: each is in the page as a whole. */
const mostGrids = 12

export function reportPath(run: string): string {
  return join(run, 'report.html')
}

/**
 * Writes the report of a run, finished or not; gives its path. Undefined where the folder holds no run, which is
 * reported. Throws the system's error where it cannot be written.
 */
export async function makeReport(run: string, report: Report): Promise<string | undefined> {
  const settings = await readSettings(run, report)
  if (settings === undefined) return undefined
  const lines = await readMetrics(run, report)
  const steps = await sampleSteps(run)
  const grids: SampleGrid[] = []
  for (const step of spread(steps, mostGrids)) {
    const grid = await readSamples(run, step)
    if (grid !== undefined) grids.push(grid)
  }
  const page = pageOf({ settings, lines, plots: await plotsOf(lines), grids, allGrids: steps.length })
  await writeWhole(reportPath(run), page)
  return reportPath(run)
}

/** At most so many of all, evenly, with the first and the last. */
function spread<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all]
  return all.filter((_, i) => {
    const place = (i * (most - 1)) / (all.length - 1)
    const before = ((i - 1) * (most - 1)) / (all.length - 1)
    return i === 0 || Math.floor(place + 1e-9) > Math.floor(before + 1e-9)
  })
}
