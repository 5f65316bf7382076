/**
 * How a value lies in memory. Its axes are made of parts, and a stored tensor has those parts in an order of its own:
 * [batch, channels, height, width] is kept as [batch, height, width, channels], and channels that are read as groups
 * are two parts of which nothing moves. A part that no tensor stores is repeated; axes of size 1 have no parts.
 */
import { divide, product, type Dimension, type Shape } from '../../compiler/ir/dimension.js'

/** A part of an axis. Which part it is, is told by identity. */
export interface Part {
  readonly size: Dimension
}

/** The parts of each axis of a value, from the one that changes most slowly on. */
export type Axes = readonly (readonly Part[])[]

/** The parts of each axis of a stored tensor: all parts in the order of memory, in groups that are an axis each. */
export type Groups = readonly (readonly Part[])[]

/** Axes of which each is one part. */
export function plainAxes(shape: Shape): Axes {
  return shape.map((size) => (size === 1 ? [] : [{ size }]))
}

/** The sizes of a stored tensor's axes. */
export function sizesOf(groups: Groups): Shape {
  return groups.map((parts) => product(parts.map(({ size }) => size)))
}

/** What parts were divided into. */
export class Division {
  readonly #parts = new Map<Part, readonly Part[]>()

  set(part: Part, into: readonly Part[]): void {
    if (into[0] !== part) this.#parts.set(part, into)
  }

  /** The parts with each in its place that was divided. */
  apply(parts: readonly Part[]): readonly Part[] {
    return parts.flatMap((part) => {
      const into = this.#parts.get(part)
      return into === undefined ? [part] : this.apply(into)
    })
  }
}

/** The axes of the same elements under another shape, or undefined where parts would have to be cut in two. */
export function reshapedAxes(axes: Axes, shape: Shape): { axes: Axes; division: Division } | undefined {
  const rest = [...axes.flat()]
  const division = new Division()
  const result: Part[][] = []
  for (const size of shape) {
    const taken: Part[] = []
    let missing = size
    while (missing !== 1) {
      const next = rest.shift()
      if (next === undefined) return undefined
      const afterwards = divide(missing, next.size)
      if (afterwards !== undefined) {
        taken.push(next)
        missing = afterwards
        continue
      }
      const inner = divide(next.size, missing)
      if (inner === undefined) return undefined
      const [slow, fast] = [{ size: missing }, { size: inner }]
      division.set(next, [slow, fast])
      taken.push(slow)
      rest.unshift(fast)
      missing = 1
    }
    result.push(taken)
  }
  return { axes: result, division }
}

/**
 * The same axis of several values as parts that they have in common, with each value's own division into them.
 * Undefined where there are none.
 */
export function commonParts(
  lists: readonly (readonly Part[])[],
): { parts: readonly Part[]; divisions: readonly Division[] } | undefined {
  const [first = []] = lists
  const same = lists.every((list) => list.length === first.length && list.every((part, i) => part === first[i]))
  if (same) return { parts: first, divisions: lists.map(() => new Division()) }
  const parts: Part[] = []
  const entries = lists.map((list) => list.map((part) => ({ part, left: part.size, into: [] as Part[] })))
  const queues = entries.map((list) => [...list])
  while (queues.some((queue) => queue.length > 0)) {
    const heads = queues.flatMap(([head]) => head ?? [])
    const size = commonSize(heads.map(({ left }) => left))
    if (heads.length < queues.length || size === undefined) return undefined
    const part = { size }
    parts.push(part)
    heads.forEach((head, i) => {
      head.into.push(part)
      head.left = divide(head.left, size) ?? 1
      if (head.left === 1) queues[i]?.shift()
    })
  }
  return { parts, divisions: entries.map(divisionOf) }
}

function divisionOf(entries: readonly { readonly part: Part; readonly into: readonly Part[] }[]): Division {
  const division = new Division()
  for (const { part, into } of entries) division.set(part, into)
  return division
}

/** The size among these that divides all of them. */
function commonSize(sizes: readonly Dimension[]): Dimension | undefined {
  return sizes.find((size) => sizes.every((other) => divide(other, size) !== undefined))
}

/** The groups, with a cut wherever `isEdge` says so of two neighbouring parts. */
export function cutGroups(groups: Groups, isEdge: (before: Part, after: Part) => boolean): Part[][] {
  return groups.flatMap((group) => {
    const pieces: Part[][] = []
    for (const part of group) {
      const last = pieces.at(-1)
      const before = last?.at(-1)
      if (last === undefined || before === undefined || isEdge(before, part)) pieces.push([part])
      else last.push(part)
    }
    return pieces
  })
}

/** The most axes that kernels are good at; the wasm backend computes nothing beyond six. */
const fewAxes = 4

/** As cutGroups, but where there would be many groups all that may stay together is joined. */
export function fewGroups(groups: Groups, isEdge: (before: Part, after: Part) => boolean): Part[][] {
  const cut = cutGroups(groups, isEdge)
  return cut.length <= fewAxes ? cut : cutGroups([groups.flat()], isEdge)
}

export function sameParts(a: readonly Part[], b: readonly Part[]): boolean {
  return a.length === b.length && a.every((part, i) => part === b[i])
}
