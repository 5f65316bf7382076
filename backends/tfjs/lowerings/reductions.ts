/** Sums, and what is made of whole rows. */
import { multiply, product, type Dimension } from '../../../compiler/ir/dimension.js'
import type { TensorType } from '../../../compiler/ir/tensor.js'
import { quantilePlace } from '../../../compiler/ops/quantile.js'
import { code, plain, type Variable } from '../code.js'
import type { Emitter } from '../emitter.js'
import { fewGroups, sameParts, sizesOf, type Axes, type Groups, type Part } from '../layout.js'
import { Operand, type StoredTensor } from '../operand.js'
import type { Lowering } from './lowering.js'

export const sum: Lowering<'sum'> = ({ x }, { axes }, g, type) => {
  const { tensor, averaged } = reduced(g, x, axes, 'sum')
  const stored = new Set(x.stored)
  const repeated = axes.flatMap((axis) => x.axis(axis)).filter((part) => !stored.has(part))
  const count = product([...averaged, ...repeated].map(({ size }) => size))
  const result = count === 1 ? tensor : g.tensor(code`tf.mul(${tensor.variable}, ${count})`, tensor.groups)
  return new Operand(type, keptAxes(x, axes, type), [result])
}

/** What is repeated has its own mean. */
export const mean: Lowering<'mean'> = ({ x }, { axes }, g, type) =>
  new Operand(type, keptAxes(x, axes, type), [reduced(g, x, axes, 'mean').tensor])

/** The axes of the result: those that were summed have size 1, or are gone. */
function keptAxes(x: Operand, axes: readonly number[], { shape }: TensorType): Axes {
  const kept = x.axes.map((parts, axis) => (axes.includes(axis) ? [] : parts))
  return kept.length === shape.length ? kept : kept.filter((_, axis) => !axes.includes(axis))
}

/**
 * The sum or the mean over the stored parts of some axes. tfjs reduces the last axes of a tensor; to bring others there
 * it would move all of it. Of those the mean is taken, as a pooling; `averaged` are they.
 */
function reduced(
  g: Emitter,
  x: Operand,
  axes: readonly number[],
  kind: 'sum' | 'mean',
): { tensor: StoredTensor; averaged: readonly Part[] } {
  const over = new Set(axes.flatMap((axis) => x.axis(axis)))
  const averaged: Part[] = []
  let tensor = x.first
  for (;;) {
    const order = tensor.groups.flat()
    const start = order.findIndex((part) => over.has(part))
    if (start < 0) return { tensor, averaged }
    const length = order.slice(start).findIndex((part) => !over.has(part))
    if (length < 0) {
      tensor = trailingReduced(g, tensor, new Set(order.slice(start)), kind)
    } else {
      const run = order.slice(start, start + length)
      averaged.push(...run)
      tensor = pooled(g, tensor, run)
    }
  }
}

function trailingReduced(g: Emitter, tensor: StoredTensor, run: ReadonlySet<Part>, kind: 'sum' | 'mean'): StoredTensor {
  const kept = fewGroups(tensor.groups, (a, b) => run.has(a) !== run.has(b)).filter(([part]) => part && !run.has(part))
  const { variable } = g.regrouped(tensor, [...kept, [...run]], 'float32')
  return g.tensor(code`${plain(`tf.${kind}`)}(${variable}, ${kept.length})`, kept)
}

/** The mean over a run of parts that has others behind it. */
function pooled(g: Emitter, tensor: StoredTensor, run: readonly Part[]): StoredTensor {
  const order = tensor.groups.flat()
  const start = order.findIndex((part) => part === run[0])
  const [ahead, behind] = [order.slice(0, start), order.slice(start + run.length)]
  const [columns, channels] = columnsOfChannels(behind)
  const { variable } = g.regrouped(tensor, [ahead, run, columns, channels], 'float32')
  const windows = windowsOf(run)
  const f = g.helper('meanOfRows', meanOfRows)
  const rest = product(windows.slice(0, -1))
  const scratch = windows.length === 1 ? [] : [multiply(product(sizesOf([ahead, columns, channels])), rest)]
  const text = code`${f}(${variable}, ${windows})`
  const means = g.tensor(text, [ahead, [], columns, channels], 'float32', { scratch })
  return sameParts(behind, [...columns, ...channels]) ? means : g.regrouped(means, [ahead, behind], 'float32')
}

/** The longest run that is averaged in one step: graphics cards take a thread for each result. */
const longestWindow = 32

/** The lengths of runs of parts, as long as they may be, of which the last is averaged first. */
function windowsOf(run: readonly Part[]): readonly Dimension[] {
  const windows: Dimension[] = []
  for (const { size } of run.toReversed()) {
    const [next = 1] = windows
    const together = multiply(size, next)
    if (Number(together) <= longestWindow) windows.splice(0, 1, together)
    else windows.unshift(size)
  }
  return windows
}

/**
 * The mean along the second of four axes, as the backend likes it: as poolings of windows, the last one first. TensorFlow
 * reduces an axis where it is; others would move all of the tensor first.
 */
const meanOfRows = `(x, windows) => {
  if (tf.getBackend() === 'tensorflow') return tf.mean(x, 1, true)
  const mean = (rows, length) => tf.avgPool(rows, [length, 1], [length, 1], 'valid')
  return tf.tidy(() => windows.reduceRight(mean, x))
}`

/**
 * The most channels of a pooling. The wasm backend takes 4 bytes of its stack for each, and writes into the memory of
 * others where the stack's 64 KiB are not enough (18,432 channels; seen as `memory access out of bounds` later on).
 */
const mostChannels = 8192

/** The last parts as channels, what is before them as columns. One that is too large by itself is divided. */
function columnsOfChannels(parts: readonly Part[]): [readonly Part[], readonly Part[]] {
  const last = Number(parts.at(-1)?.size)
  if (last > mostChannels) {
    let channels = mostChannels
    while (last % channels > 0) channels--
    return [[...parts.slice(0, -1), { size: last / channels }], [{ size: channels }]]
  }
  let start = Math.max(parts.length - 1, 0)
  while (start > 0 && Number(sizesOf([parts.slice(start - 1)])[0]) <= mostChannels) start--
  return [parts.slice(0, start), parts.slice(start)]
}

/** A tensor in which the last axis of the value comes last. */
function rowsOf(g: Emitter, x: Operand): { variable: Variable; groups: Groups } {
  const row = x.axes.at(-1) ?? []
  const rest = x.stored.filter((part) => !row.includes(part))
  const ends = ({ groups }: StoredTensor) => {
    const order = groups.flat()
    return row.every((part, i) => order[order.length - row.length + i] === part)
  }
  const found = x.tensors.find(ends)
  const order = found === undefined ? rest : found.groups.flat().filter((part) => !row.includes(part))
  const groups = [order, row]
  return { variable: g.arranged(x, groups), groups }
}

export const softmax: Lowering<'softmax'> = ({ x }, _, g, type) => {
  const { variable, groups } = rowsOf(g, x)
  return x.with(type, g.tensor(code`tf.softmax(${variable})`, groups))
}

/** Through the largest elements of each row, or the smallest as the largest of the negated ones. */
export const quantile: Lowering<'quantile'> = ({ x }, { q }, g, type) => {
  const { variable, groups } = rowsOf(g, x)
  const n = Number(x.type.shape.at(-1))
  const { below, part } = quantilePlace(q, n)
  const fromTop = below + 1 > n / 2
  const count = fromTop ? n - below : Math.min(n, below + 2)
  const [low, high] = fromTop ? [count - 1, count - 2] : [below, below + 1]
  const f = g.helper('quantile', quantileOf)
  const text = code`${f}(${variable}, ${count}, ${fromTop ? 1 : -1}, ${low}, ${part === 0 ? low : high}, ${part})`
  const axes = x.axes.slice(0, -1)
  return new Operand(type, [...axes, []], [g.tensor(text, [groups[0] ?? [], []])])
}

const quantileOf = `(x, count, sign, low, high, part) => tf.tidy(() => {
  const sorted = tf.mul(tf.topk(tf.mul(x, sign), count).values, sign)
  const at = (place) => tf.slice(sorted, [0, place], [-1, 1])
  return tf.add(at(low), tf.mul(tf.sub(at(high), at(low)), part))
})`
