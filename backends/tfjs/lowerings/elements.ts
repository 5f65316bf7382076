/** Ops on single elements that are more than a function of tfjs of the same meaning. */
import { aligned } from '../align.js'
import { code, listed, type Variable } from '../code.js'
import { sizesOf } from '../layout.js'
import { Operand } from '../operand.js'
import { onElements, type Lowering } from './lowering.js'

export const where: Lowering<'where'> = ({ condition, a, b }, _, g, type) => {
  const { axes, groups, variables } = aligned(g, [condition, a, b], type.shape.length)
  // tfjs would repeat a number element by element.
  const filled = (v: Variable) => (v.literal ? g.tensor(code`tf.fill(${sizesOf(groups)}, ${v})`, groups).variable : v)
  return new Operand(type, axes, [g.tensor(code`tf.where(${listed(variables.map(filled))})`, groups)])
}

export const toFloat: Lowering<'toFloat'> = ({ x }, _, g, type) =>
  onElements(g, x, type, (v) => code`tf.cast(${v}, 'float32')`)

/**
 * Graphics cards promise no more than 11 bits of sine and cosine, and none beyond pi. So the nearest multiple n pi (for
 * a cosine: (n + 1/2) pi) is taken off in two steps, the first of which is exact, and Taylor's series is taken of what
 * is left, pi / 2 at most: the first term that is left out is below 1e-9.
 */
const sine = `(x, half) => tf.tidy(() => {
  const turns = tf.floor(tf.add(tf.mul(x, ${1 / Math.PI}), 0.5 - half))
  const middle = tf.add(turns, half)
  const angle = tf.sub(tf.sub(x, tf.mul(middle, 3.140625)), tf.mul(middle, ${Math.PI - 3.140625}))
  const square = tf.mul(angle, angle)
  let series = tf.scalar(1 / 6227020800)
  const factors = [-1 / 39916800, 1 / 362880, -1 / 5040, 1 / 120, -1 / 6, 1]
  for (const factor of factors) series = tf.add(tf.mul(series, square), factor)
  const odd = tf.sub(turns, tf.mul(tf.floor(tf.mul(turns, 0.5)), 2))
  const sign = tf.mul(tf.sub(odd, 0.5), half === 0 ? -2 : 2)
  return tf.mul(tf.mul(angle, series), sign)
})`

export const sin: Lowering<'sin'> = ({ x }, _, g, type) => {
  const f = g.helper('sine', sine)
  return onElements(g, x, type, (v) => code`${f}(${v}, 0)`)
}

export const cos: Lowering<'cos'> = ({ x }, _, g, type) => {
  const f = g.helper('sine', sine)
  return onElements(g, x, type, (v) => code`${f}(${v}, 0.5)`)
}
