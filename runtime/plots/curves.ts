/** Long rows of noisy numbers made fit for a plot: smoothed, and no more points than can be told apart. */

/** Points of a curve, from left to right. */
export interface Points {
  readonly x: readonly number[]
  readonly y: readonly number[]
}

/** How many points a plot of a page's width can show. */
const most = 400

/**
 * Running mean over a fiftieth of all points, as many before as after; fewer towards the ends. Values that are not finite
 * are left out.
 */
export function smoothed({ x, y }: Points): Points {
  const reach = Math.floor(y.length / 100)
  const sums = [0]
  const counts = [0]
  for (const [i, value] of y.entries()) {
    const finite = Number.isFinite(value)
    sums.push((sums[i] ?? 0) + (finite ? value : 0))
    counts.push((counts[i] ?? 0) + (finite ? 1 : 0))
  }
  return {
    x,
    y: y.map((_, i) => {
      const from = Math.max(0, i - reach)
      const to = Math.min(y.length, i + reach + 1)
      const count = (counts[to] ?? 0) - (counts[from] ?? 0)
      return count > 0 ? ((sums[to] ?? 0) - (sums[from] ?? 0)) / count : NaN
    }),
  }
}

/** At most 400 points: the lowest and the highest of each of 200 ranges, so that no spike is lost. */
export function thinned(points: Points): Points {
  const { x, y } = points
  if (x.length <= most) return points
  const kept: number[] = []
  const ranges = most / 2
  for (let range = 0; range < ranges; range++) {
    const from = Math.floor((range * x.length) / ranges)
    const to = Math.floor(((range + 1) * x.length) / ranges)
    kept.push(...extremes(y, from, to))
  }
  return { x: kept.map((i) => x[i] ?? NaN), y: kept.map((i) => y[i] ?? NaN) }
}

/** Where the lowest and the highest of some values are, in their order. */
function extremes(y: readonly number[], from: number, to: number): number[] {
  let low = from
  let high = from
  for (let i = from; i < to; i++) {
    const value = y[i] ?? NaN
    // A first value that is not finite gives way to any other.
    if (value < (y[low] ?? NaN) || Number.isNaN(y[low])) low = i
    if (value > (y[high] ?? NaN) || Number.isNaN(y[high])) high = i
  }
  if (low === high) return [low]
  return low < high ? [low, high] : [high, low]
}
