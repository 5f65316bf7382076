/** The plots of a run's report, from its metrics. */
import { smoothed, thinned, type Points } from '../plots/curves.js'
import { plotLines, type Axes, type Curve } from '../plots/svg.js'
import type { MetricsLine } from './metrics.js'

/** A plot with what is to be said below it. */
export interface Plot {
  readonly svg: string
  readonly wide: boolean
}

const heldOut = 'held_out/'
const wide = { width: 960, height: 380, inPage: true }
const half = { width: 460, height: 260, inPage: true }

/** Sums over the run, which stand in the report's table instead. */
const totals = new Set(['images', 'skipped', 'examples_skipped', 'seconds', 'waiting_seconds'])

const known: Readonly<Record<string, Pick<Axes, 'title' | 'scale'> & { readonly noisy?: boolean }>> = {
  learning_rate: { title: 'Learning rate' },
  gradient_norm: { title: 'Gradient norm', scale: 'log' },
  images_per_second: { title: 'Images per second', noisy: true },
}

/** The losses first, then everything else that was reported. */
export async function plotsOf(lines: readonly MetricsLine[]): Promise<Plot[]> {
  const series = seriesOf(lines)
  const plots: Plot[] = []
  const add = async (curves: readonly Curve[], axes: Pick<Axes, 'title' | 'scale'>, look: typeof wide) => {
    if (curves.some(({ y }) => y.some((value) => Number.isFinite(value))))
      plots.push({ svg: await plotLines(curves, { x: 'step', y: '', ...axes }, look), wide: look === wide })
  }

  const all = [
    ...trained('training', series.get('loss')),
    ...measured('held out', series.get(`${heldOut}loss`), 'line'),
  ]
  await add(all, { title: 'Loss', scale: lossScale(all) }, wide)

  const losses = [...series.keys()].filter((name) => /^(held_out\/)?loss\//.test(name))
  const byResolution = losses.flatMap((name) => {
    const resolution = name.slice(name.indexOf('loss/') + 'loss/'.length)
    const points = series.get(name)
    return name.startsWith(heldOut) ? measured(resolution, points, 'dots') : trained(resolution, points)
  })
  const dots = byResolution.some(({ mark }) => mark === 'dots') ? ' (dots: held out)' : ''
  // A single one says what the first plot does.
  if (new Set(byResolution.map(({ name }) => name)).size > 1)
    await add(byResolution, { title: `Loss by resolution${dots}`, scale: lossScale(byResolution) }, wide)

  const others = [...series.keys()].filter(
    (name) => !totals.has(name) && !losses.includes(name) && name !== 'loss' && name !== `${heldOut}loss`,
  )
  const ordered = [
    ...Object.keys(known).filter((name) => others.includes(name)),
    ...others.filter((name) => !known[name]),
  ]
  for (const name of ordered) {
    const { noisy = false, ...axes } = known[name] ?? { title: titleOf(name) }
    const points = series.get(name)
    await add(noisy ? trained(axes.title, points) : measured(axes.title, points, 'line'), axes, half)
  }
  return plots
}

/** The points of each value that was reported, over steps. */
export function seriesOf(lines: readonly MetricsLine[]): Map<string, { x: number[]; y: number[] }> {
  const series = new Map<string, { x: number[]; y: number[] }>()
  for (const { step, values } of lines)
    for (const [name, value] of values) {
      const points = series.get(name) ?? { x: [], y: [] }
      series.set(name, points)
      points.x.push(step)
      points.y.push(value)
    }
  return series
}

/** `Loss scale` for `loss_scale`. */
function titleOf(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ')
}

/** What is measured at every step is noisy: the numbers themselves, and their trend in front of them. */
export function trained(name: string, points: Points | undefined): Curve[] {
  if (points === undefined) return []
  return [
    { name, mark: 'faint', ...thinned(points) },
    { name, mark: 'line', ...thinned(smoothed(points)) },
  ]
}

function measured(name: string, points: Points | undefined, mark: 'line' | 'dots'): Curve[] {
  return points === undefined ? [] : [{ name, mark, ...thinned(points) }]
}

/** Losses fall by orders of magnitude at first, and by hairs later. */
function lossScale(curves: readonly Curve[]): 'log' | 'near' {
  const values = curves.flatMap(({ y }) => y).filter((value) => Number.isFinite(value))
  const least = Math.min(...values)
  return least > 0 && Math.max(...values) > 8 * least ? 'log' : 'near'
}
