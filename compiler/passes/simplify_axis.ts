/** Identities of the ops that cut, join and lengthen one axis. */
import { sameDimension, sum, type Dimension } from '../ir/dimension.js'
import type { Attribute, Node, Value } from '../ir/graph.js'
import { sameType } from '../ir/tensor.js'
import type { Builder } from '../ops/index.js'

/** A part of `x` along `axis`. */
interface Part {
  readonly x: Value
  readonly axis: number
  readonly start: number
  readonly end: Dimension
}

function partOf(node: Node): Part | undefined {
  const { x } = node.inputs
  const { axis, start, end } = node.attributes
  if (node.op !== 'slice' || x === undefined || typeof axis !== 'number' || typeof start !== 'number') return undefined
  return isDimension(end) ? { x, axis, start, end } : undefined
}

function isDimension(value: Attribute): value is Dimension {
  return typeof value === 'number' || (typeof value === 'object' && 'symbols' in value)
}

function sizeOf(value: Value, axis: number): Dimension {
  return value.type.shape[axis] ?? 0
}

/** A whole axis; a part of a part; a part of one of two joined tensors; what padding added, cut off again. */
export function simplifySlice(node: Node, b: Builder): Value | undefined {
  const part = partOf(node)
  if (part === undefined) return undefined
  const { x, axis, start, end } = part
  if (start === 0 && sameDimension(end, sizeOf(x, axis))) return x
  const before = partOf(x)
  if (before?.axis === axis) {
    const from = before.start + start
    const to = sum(end, before.start)
    return to === undefined ? undefined : b.slice(before.x, { axis, start: from, end: to })
  }
  const padded = padOf(x)
  if (
    padded?.axis === axis &&
    padded.before === start &&
    sameDimension(sum(sizeOf(padded.x, axis), start) ?? -1, end)
  ) {
    return padded.x
  }
  return partOfJoined(part, b)
}

function partOfJoined({ x: joined, axis, start, end }: Part, build: Builder): Value | undefined {
  const { a, b } = joined.inputs
  if (joined.op !== 'concat' || joined.attributes.axis !== axis || a === undefined || b === undefined) return undefined
  const seam = sizeOf(a, axis)
  if (typeof end !== 'number' || typeof seam !== 'number') {
    return start === 0 && sameDimension(seam, end) ? a : undefined
  }
  if (end <= seam) return build.slice(a, { axis, start, end })
  return start >= seam ? build.slice(b, { axis, start: start - seam, end: end - seam }) : undefined
}

/** Neighbouring parts of one tensor, joined in their order, are one part. */
export function simplifyConcat(node: Node, build: Builder): Value | undefined {
  const { a, b } = node.inputs
  const left = a && partOf(a)
  const right = b && partOf(b)
  if (left === undefined || left.x !== right?.x) return undefined
  const adjoin = left.axis === right.axis && left.axis === node.attributes.axis && left.end === right.start
  return adjoin ? build.slice(left.x, { axis: left.axis, start: left.start, end: right.end }) : undefined
}

/** Padding of nothing; padding of what is padded along the same axis. */
export function simplifyPad(node: Node, b: Builder): Value | undefined {
  const outer = padOf(node)
  if (outer === undefined) return undefined
  const { x, axis, before } = outer
  if (sameDimension(sizeOf(x, axis), sizeOf(node, axis))) return x
  const inner = padOf(x)
  if (inner?.axis !== axis) return undefined
  return b.pad(inner.x, { axis, before: inner.before + before, to: sizeOf(node, axis) })
}

/** `x` among zeros along `axis`. */
interface Padded {
  readonly x: Value
  readonly axis: number
  readonly before: number
}

function padOf(node: Value): Padded | undefined {
  const { x } = node.inputs
  const { axis, before } = node.attributes
  if (node.op !== 'pad' || x === undefined || typeof axis !== 'number' || typeof before !== 'number') return undefined
  return { x, axis, before }
}

/** The sum of two tensors that adjoin among zeros along one axis is both of them joined: what slices give back. */
export function joinPads({ inputs: { a, b: other } }: Node, b: Builder): Value | undefined {
  const [one, two] = [a && padOf(a), other && padOf(other)]
  if (one === undefined || two === undefined || a === undefined || one.axis !== two.axis) return undefined
  // Otherwise the sum repeats one of them along another axis.
  if (other === undefined || !sameType(a.type, other.type)) return undefined
  const [left, right] = one.before <= two.before ? [one, two] : [two, one]
  const { axis, before } = left
  const size = sizeOf(left.x, axis)
  if (typeof size !== 'number' || before + size !== right.before) return undefined
  return b.pad(b.concat(left.x, right.x, { axis }), { axis, before, to: sizeOf(a, axis) })
}
