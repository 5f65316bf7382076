/** Draws the losses of a run: `npx tsx examples/emoji/curves.ts RUN FILE.svg`. */
import { writeFileSync } from 'node:fs'
import { smoothed } from '../../runtime/plots/curves.js'
import { plotLines } from '../../runtime/plots/svg.js'
import { readMetrics } from '../../runtime/run/metrics.js'

const [run, file] = process.argv.slice(2)
if (run === undefined || file === undefined) throw new Error('which run, and where to?')

const lines = await readMetrics(run, ({ message }) => {
  throw new Error(message)
})
const curves = [16, 32, 64].flatMap((side) => {
  const points = lines.flatMap(({ step, values }) => {
    const loss = values.get(`loss/${side}`)
    return loss === undefined ? [] : [{ step, loss }]
  })
  const measured = { x: points.map(({ step }) => step), y: points.map(({ loss }) => loss) }
  const name = `${side} pixels`
  return [
    { name, mark: 'faint', ...measured },
    { name, mark: 'line', ...smoothed(measured) },
  ] as const
})
writeFileSync(file, await plotLines(curves, { title: 'Loss by resolution', x: 'step', y: '', scale: 'log' }))
