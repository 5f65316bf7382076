/** Quantiles, through the largest (or smallest) elements of each row. */
import { quantilePlace } from '../../../compiler/ops/quantile.js'
import type { Lowering } from './lowering.js'

export const quantile: Lowering<'quantile'> = ({ x }, { q }, g) => {
  const n = Number(x.shape.at(-1))
  const { below, part } = quantilePlace(q, n)
  // Elements `below` and the next above it, counted from the nearer end.
  const fromTop = below + 1 > n / 2
  const count = fromTop ? n - below : Math.min(n, below + 2)
  const sorted = g.node('TopK', [x, g.integers([count])], { axis: -1, largest: fromTop ? 1 : 0 }, x.elementType, 1)
  const at = (place: number) => g.node('Gather', [sorted, g.integers([place])], { axis: x.shape.length - 1 })
  const low = at(fromTop ? count - 1 : below)
  if (part === 0) return low
  const high = at(fromTop ? count - 2 : below + 1)
  return g.node('Add', [low, g.node('Mul', [g.node('Sub', [high, low]), g.scalar(part, x.elementType)])])
}
