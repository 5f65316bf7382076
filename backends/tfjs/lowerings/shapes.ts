/** Ops that move data, or only see it otherwise. */
import { multiply, sameDimension, type Dimension } from '../../../compiler/ir/dimension.js'
import { commonOrder, withWholeAxis } from '../align.js'
import { code, type Code } from '../code.js'
import type { Emitter } from '../emitter.js'
import { Division, fewGroups, plainAxes, reshapedAxes, sizesOf, type Groups, type Part } from '../layout.js'
import { Operand } from '../operand.js'
import type { Lowering } from './lowering.js'

/** Nothing moves, unless axes are merged that do not lie side by side. */
export const reshape: Lowering<'reshape'> = ({ x }, { shape }, g, type) => {
  const seen = reshapedAxes(x.axes, shape)
  if (seen !== undefined) return x.as(type, seen.axes, seen.division)
  const variable = g.arranged(x, x.axes)
  const groups = plainAxes(shape)
  return new Operand(type, groups, [g.regrouped({ variable, groups: x.axes }, groups, type.dataType)])
}

export const transpose: Lowering<'transpose'> = ({ x }, { permutation }, _, type) =>
  x.as(
    type,
    permutation.map((axis) => x.axis(axis)),
  )

/** Axes that are repeated have parts that no tensor stores. */
export const broadcast: Lowering<'broadcast'> = ({ x }, { shape }, _, type) => {
  const before = shape.length - x.axes.length
  const axes = shape.map((size, axis) => {
    const own = x.axis(axis - before)
    return own.length > 0 || size === 1 ? own : [{ size }]
  })
  return x.as(type, axes)
}

/** Statements are in the order of the graph: there is nothing to wait for. */
export const after: Lowering<'after'> = ({ x }, _attributes, _g, type) => x.as(type, x.axes)

export const concat: Lowering<'concat'> = ({ a, b }, { axis }, g, type) => {
  const [first, second] = [withWholeAxis(g, a, axis), withWholeAxis(g, b, axis)]
  const renamed = new Division()
  renamed.set(second.part, [first.part])
  second.value.divide(renamed)
  const { axes, apart } = commonOrder(g, [first.value, second.value], type.shape.length, 'all')
  const [joint = first.part] = axes[axis] ?? []
  const back = new Division()
  back.set(joint, [second.part])
  second.value.divide(back)
  const groups = fewGroups(apart, (p, q) => p === joint || q === joint)
  const left = g.arranged(first.value, groups)
  const right = g.arranged(
    second.value,
    groups.map((group) => back.apply(group)),
  )
  const into = resizing(joint, type.shape[axis] ?? 1)
  const place = groups.findIndex((group) => group.includes(joint))
  const result = g.tensor(
    code`tf.concat([${left}, ${right}], ${place})`,
    groups.map((group) => into.apply(group)),
    type.dataType,
  )
  return new Operand(
    type,
    axes.map((parts) => into.apply(parts)),
    [result],
  )
}

/** One axis of a value, by itself in a tensor. */
interface Alone {
  readonly value: Operand
  readonly part: Part
  readonly variable: Operand['first']['variable']
  readonly groups: Groups
  /** The number of the tensor's axis. */
  readonly place: number
}

function alone(g: Emitter, x: Operand, axis: number): Alone {
  const { value, part } = withWholeAxis(g, x, axis)
  const { first } = value
  const groups = fewGroups(first.groups, (a, b) => a === part || b === part)
  const place = groups.findIndex((group) => group.includes(part))
  return { value, part, variable: g.arranged(value, groups), groups, place }
}

/** A part as one of another size, which has none where that is 1. */
function resizing(part: Part, size: Dimension): Division {
  const division = new Division()
  division.set(part, size === 1 ? [] : [{ size }])
  return division
}

/** The value with another size of that axis. */
function resized(
  g: Emitter,
  { value, part, groups }: Alone,
  text: Code,
  size: Dimension,
  type: Operand['type'],
): Operand {
  const into = resizing(part, size)
  const tensor = g.tensor(
    text,
    groups.map((group) => into.apply(group)),
    type.dataType,
  )
  return new Operand(
    type,
    value.axes.map((parts) => into.apply(parts)),
    [tensor],
  )
}

export const slice: Lowering<'slice'> = ({ x }, { axis, start }, g, type) => {
  const size = type.shape[axis] ?? 1
  if (sameDimension(size, x.type.shape[axis] ?? 1)) return x.as(type, x.axes)
  const { value, part } = withWholeAxis(g, x, axis)
  const order = value.stored
  const at = order.indexOf(part)
  const [ahead, behind] = [order.slice(0, at), order.slice(at + 1)]
  // What lies behind is taken along: the fewer rows, the faster.
  const variable = g.arranged(value, [ahead, [part, ...behind]])
  const [rows = 1, width = 1] = sizesOf([ahead, behind])
  const into = resizing(part, size)
  const text = code`tf.slice(${variable}, ${[0, multiply(start, width)]}, ${[rows, multiply(size, width)]})`
  const tensor = g.tensor(text, [ahead, [...into.apply([part]), ...behind]], type.dataType)
  return new Operand(
    type,
    value.axes.map((parts) => into.apply(parts)),
    [tensor],
  )
}

export const pad: Lowering<'pad'> = ({ x }, { axis, before, to }, g, type) => {
  const size = x.type.shape[axis] ?? 1
  if (sameDimension(size, to)) return x.as(type, x.axes)
  const found = alone(g, x, axis)
  const known = typeof size === 'number' && typeof to === 'number'
  const behind = known ? to - size - before : code`${to} - ${size} - ${before}`
  const edges = found.groups.map((_, i) => (i === found.place ? [before, behind] : [0, 0]))
  return resized(g, found, code`tf.pad(${found.variable}, ${edges})`, to, type)
}

/** Whether the parts of an order that belong to a set come first, and there are some. */
function leads(set: ReadonlySet<Part>, order: readonly Part[]): boolean {
  const count = order.filter((part) => set.has(part)).length
  return count > 0 && order.slice(0, count).every((part) => set.has(part))
}

/** Where the axes lead, as those of kernels do, blocks change places: the wasm backend reverses number by number. */
export const reverse: Lowering<'reverse'> = ({ x }, { axes }, g, type) => {
  const turned = new Set(axes.flatMap((axis) => x.axis(axis)))
  const { first } = x
  const led = x.tensors.find(({ groups }) => leads(turned, groups.flat()))
  if (led !== undefined) {
    const order = led.groups.flat()
    const isTurned = (part: Part) => turned.has(part)
    const groups = [order.filter(isTurned), order.filter((part) => !isTurned(part))]
    const { variable } = g.regrouped(led, groups, type.dataType)
    const text = code`tf.tidy(() => tf.stack(tf.unstack(${variable}).reverse()))`
    return x.with(type, g.tensor(text, groups, type.dataType))
  }
  const groups = fewGroups(first.groups, (a, b) => turned.has(a) || turned.has(b))
  const places = groups.flatMap((group, i) => (group.some((part) => turned.has(part)) ? [i] : []))
  if (places.length === 0) return x.as(type, x.axes)
  const { variable } = g.regrouped(first, groups, type.dataType)
  return x.with(type, g.tensor(code`tf.reverse(${variable}, ${places})`, groups, type.dataType))
}

/** The tensor of a value as one list, with its parts. */
function flat(g: Emitter, x: Operand): { variable: Operand['first']['variable']; list: readonly Part[] } {
  const list = x.stored
  return { variable: g.arranged(x, [list]), list }
}

export const gather: Lowering<'gather'> = ({ table, index }, _, g, type) => {
  const { variable, list } = flat(g, index)
  const entries = g.arranged(table, [table.axis(0)])
  return index.with(type, g.tensor(code`tf.gather(${entries}, ${variable})`, [list]))
}

/** As whole numbers first: asked for others, the wasm backend writes whole ones in their place. */
export const oneHot: Lowering<'oneHot'> = ({ x }, { depth }, g, type) => {
  const { variable, list } = flat(g, x)
  const classes = [{ size: depth }].filter(({ size }) => size !== 1)
  const chosen = g.tensor(code`tf.oneHot(${variable}, ${depth})`, [list, classes], 'int64')
  const tensor = g.tensor(code`tf.cast(${chosen.variable}, 'float32')`, chosen.groups)
  return new Operand(type, [...x.axes, classes], [tensor])
}
