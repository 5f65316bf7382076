/** Draws the losses of a run: `npx tsx examples/emoji/curves.ts RUN FILE.svg`. */
import { writeFileSync } from 'node:fs'
import { plotLines } from '../../runtime/plots/svg.js'
import { readMetrics } from '../../runtime/run/metrics.js'
import { seriesOf, trained } from '../../runtime/run/report-plots.js'

const [run, file] = process.argv.slice(2)
if (run === undefined || file === undefined) throw new Error('which run, and where to?')

const lines = await readMetrics(run, ({ message }) => {
  throw new Error(message)
})
const series = seriesOf(lines)
const curves = [16, 32, 64].flatMap((side) => trained(`${side} pixels`, series.get(`loss/${side}`)))
writeFileSync(file, await plotLines(curves, { title: 'Loss by resolution', x: 'step', y: '', scale: 'log' }))
