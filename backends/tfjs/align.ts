/**
 * Several values in one order of parts, for ops on single elements and for concatenation. The largest one stays as it
 * is; an axis that a value does not have, or that is repeated in it, has size 1 in its tensor.
 */
import { raise } from '../../compiler/diagnostics/internal.js'
import { product } from '../../compiler/ir/dimension.js'
import type { Variable } from './code.js'
import type { Emitter } from './emitter.js'
import { commonParts, cutGroups, Division, fewGroups, sameParts, type Axes, type Groups, type Part } from './layout.js'
import { Operand, type StoredTensor } from './operand.js'

export interface Aligned {
  /** The axes of the result. */
  readonly axes: Axes
  /** The axes of a tensor that all of them broadcast to. */
  readonly groups: Groups
  readonly variables: readonly Variable[]
}

/** Values whose axes broadcast to `rank` axes, matched from the last one on. */
export function aligned(g: Emitter, given: readonly Operand[], rank: number): Aligned {
  const { axes, apart } = commonOrder(g, given, rank, 'stored')
  const operands = given.map((operand) => withWholeEnd(g, operand, apart.at(-1) ?? []))
  const stored = operands.map((operand) => new Set(operand.stored))
  const differs = (a: Part, b: Part) => stored.some((own) => own.has(a) !== own.has(b))
  const groups = fewGroups(apart, differs)
  const variables = operands.map((operand, i) => {
    const own = groups.map((group) => (group.every((part) => stored[i]?.has(part)) ? group : []))
    const first = own.findIndex((group) => group.length > 0)
    return inOrder(g, operand, first < 0 ? [] : own.slice(first))
  })
  return { axes, groups, variables }
}

/**
 * The axes of several values in the same parts, and an order of those that one of them stores, or of all: that of the
 * largest tensor, in its groups, with what it lacks behind the part that is ahead of it in the axes.
 */
export function commonOrder(
  g: Emitter,
  operands: readonly Operand[],
  rank: number,
  which: 'stored' | 'all',
): { axes: Axes; apart: Groups } {
  const axes = matchedAxes(g, operands, rank)
  const { groups } = leadOf(operands)
  const order = groups.flat()
  const there = new Set(order)
  const stored = new Set(operands.flatMap((operand) => operand.stored))
  let before: Part | undefined
  for (const part of axes.flat()) {
    if (which === 'stored' && !stored.has(part)) continue
    if (!there.has(part)) order.splice(before === undefined ? 0 : order.indexOf(before) + 1, 0, part)
    before = part
  }
  const areJoined = (a: Part, b: Part) => groups.some((group) => group.includes(a) && group.includes(b))
  return { axes, apart: cutGroups([order], (a, b) => !areJoined(a, b)) }
}

/**
 * The value with all of the last parts where it has some of them. Kernels repeat a tensor slowly along short last axes,
 * such as the channels of a group.
 */
function withWholeEnd(g: Emitter, operand: Operand, end: readonly Part[]): Operand {
  const { stored, type, axes } = operand
  const missing = end.filter((part) => !stored.includes(part))
  if (missing.length === 0 || missing.length === end.length) return operand
  const wider = operand.as(type, [missing, ...axes])
  const groups = [stored.filter((part) => !end.includes(part)), end]
  return new Operand(type, wider.axes, [{ variable: g.arranged(wider, groups), groups }])
}

/** A number stays a number. */
function inOrder(g: Emitter, operand: Operand, groups: Groups): Variable {
  const { variable } = operand.first
  return variable.literal === true ? variable : g.arranged(operand, groups)
}

/** The tensor that most values can follow as they are, among the largest. */
function leadOf(operands: readonly Operand[]): StoredTensor {
  const size = Math.max(...operands.map(({ stored }) => stored.length))
  const candidates = operands
    .filter(({ stored }) => stored.length === size)
    .flatMap(({ tensors }) => tensors)
    .filter(({ groups }) => groups.flat().length === size)
  const moved = ({ groups }: StoredTensor) => {
    const order = groups.flat()
    return operands.filter((operand) => !operand.tensors.some((tensor) => follows(tensor, order))).length
  }
  const isKept = ({ variable }: StoredTensor) => (variable.stored ? 1 : 0)
  const [best] = candidates.toSorted((a, b) => moved(a) - moved(b) || isKept(a) - isKept(b))
  return best ?? raise('there is nothing to align')
}

/** Whether a tensor has the parts that it shares with an order in that order. */
function follows({ groups }: StoredTensor, order: readonly Part[]): boolean {
  const parts = groups.flat()
  return sameParts(
    parts.filter((part) => order.includes(part)),
    order.filter((part) => parts.includes(part)),
  )
}

/**
 * Divides the axes of the values into the same parts, and gives those of the result. The last `apart` axes of each are
 * left alone.
 */
export function matchedAxes(g: Emitter, operands: readonly Operand[], rank: number, apart = 0): Axes {
  const used = new Set<Part>()
  return Array.from({ length: rank }, (_, axis) => {
    const at = (operand: Operand) => axis - rank + operand.axes.length - apart
    const members = operands.filter((operand) => operand.axis(at(operand)).length > 0)
    const lists = () => members.map((operand) => operand.axis(at(operand)))
    let common = commonParts(lists())
    if (common === undefined) {
      for (const operand of members) makeWhole(g, operand, at(operand))
      common = commonParts(lists())
    }
    const { parts, divisions } = common ?? raise('axes of the same size have no parts in common')
    members.forEach((operand, i) => operand.divide(divisions[i] ?? new Division()))
    const own = parts.map((part) => (used.has(part) ? renewed(members, part) : part))
    for (const part of own) used.add(part)
    return own
  })
}

/** Another part in place of one that stands for another axis of the result already. */
function renewed(members: readonly Operand[], part: Part): Part {
  const fresh = { size: part.size }
  const division = new Division()
  division.set(part, [fresh])
  for (const operand of members) operand.divide(division)
  return fresh
}

/** Makes an axis of several parts one part, which is stored. */
function makeWhole(g: Emitter, operand: Operand, axis: number): void {
  const parts = operand.axis(axis)
  const stored = operand.stored
  if (parts.length === 0 || (parts.length === 1 && parts.every((part) => stored.includes(part)))) return
  const others = stored.filter((part) => !parts.includes(part))
  const last = Math.max(...parts.map((part) => stored.indexOf(part)))
  const behind = stored.slice(last + 1).filter((part) => !parts.includes(part))
  const ahead = others.slice(0, others.length - behind.length)
  const groups = [...ahead.map((part) => [part]), parts, ...behind.map((part) => [part])]
  const variable = g.arranged(operand, groups)
  const whole = { size: product(parts.map(({ size }) => size)) }
  operand.hold(
    operand.axes.map((own, i) => (i === axis ? [whole] : own)),
    { variable, groups: groups.map((group) => (group === parts ? [whole] : group)) },
  )
}

/**
 * The value with an axis as one stored part, also where its size is 1, behind what is stored of the axis before it. The
 * value itself stays as it is.
 */
export function withWholeAxis(g: Emitter, operand: Operand, axis: number): { value: Operand; part: Part } {
  const value = operand.as(operand.type, operand.axes)
  makeWhole(g, value, axis)
  const [part] = value.axis(axis)
  if (part !== undefined) return { value, part }
  const added: Part = { size: 1 }
  const before = value.axes
    .slice(0, axis)
    .flat()
    .findLast((candidate) => value.stored.includes(candidate))
  const { variable, groups } = value.first
  const split = cutGroups(groups, (part) => part === before)
  const at = before === undefined ? 0 : split.findIndex((group) => group.includes(before)) + 1
  split.splice(at, 0, [added])
  value.hold(
    value.axes.map((own, i) => (i === axis ? [added] : own)),
    { variable: g.regrouped({ variable, groups }, split, value.type.dataType).variable, groups: split },
  )
  return { value, part: added }
}
