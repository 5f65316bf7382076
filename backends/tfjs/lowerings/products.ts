/** Ops that multiply matrices. Both are brought into order first: the wasm backend is slow at a transposed one. */
import type { TensorType } from '../../../compiler/ir/tensor.js'
import { matchedAxes } from '../align.js'
import { code, type Variable } from '../code.js'
import type { Emitter } from '../emitter.js'
import type { Part } from '../layout.js'
import { Operand } from '../operand.js'
import type { Lowering } from './lowering.js'

export const linear: Lowering<'linear'> = ({ x, weight, bias }, _, g, type) =>
  rowsByMatrix(g, x, type.shape.length - 1, weight, bias, type)

/** An affine map of one axis, as one product for all rows, however they lie. weight: [out, in, ...], the rest 1. */
export function rowsByMatrix(
  g: Emitter,
  x: Operand,
  axis: number,
  weight: Operand,
  bias: Operand | undefined,
  type: TensorType,
): Operand {
  const width = x.axis(axis)
  const rows = allRows(x, width)
  const out = fresh(weight.axis(0))
  const matrix = g.arranged(weight, [weight.axis(1), weight.axis(0)])
  const product = g.tensor(code`tf.matMul(${g.arranged(x, [rows, width])}, ${matrix})`, [rows, out])
  const axes = x.axes.map((parts, i) => (i === axis ? out : parts))
  if (bias === undefined) return new Operand(type, axes, [product])
  const added = g.tensor(code`tf.add(${product.variable}, ${g.arranged(bias, bias.axes)})`, [rows, out])
  return new Operand(type, axes, [added])
}

/** All parts but those of the rows' own axis, in the order of memory, with what is repeated behind them. */
function allRows(x: Operand, width: readonly Part[]): readonly Part[] {
  const parts = x.axes.flat().filter((part) => !width.includes(part))
  const stored = x.stored.filter((part) => !width.includes(part))
  return [...stored, ...parts.filter((part) => !stored.includes(part))]
}

export const matmul: Lowering<'matmul'> = ({ a, b }, _, g, type) => {
  const [k, n] = [b.axes.at(-2) ?? [], b.axes.at(-1) ?? []]
  const batchOfB = b.axes.slice(0, -2).flat()
  if (batchOfB.length === 0) {
    const inner = a.axes.at(-1) ?? []
    const rows = allRows(a, inner)
    const columns = fresh(n)
    const matrix = g.arranged(b, [k, n])
    const product = g.tensor(code`tf.matMul(${g.arranged(a, [rows, inner])}, ${matrix})`, [rows, columns])
    const lead = a.axes.slice(0, -1)
    const missing = type.shape.length - lead.length - 1
    return new Operand(type, [...Array.from({ length: missing }, () => []), ...lead, columns], [product])
  }
  return batched(g, a, b, type)
}

/**
 * A product for each matrix of a batch. tfjs takes a matrix of a batch by its number alone, so that of two batches only
 * that of a single matrix is repeated by itself.
 */
function batched(g: Emitter, a: Operand, b: Operand, type: TensorType): Operand {
  const axes = matchedAxes(g, [a, b], type.shape.length - 2, 2)
  const parts = axes.flat()
  const order = [...a.stored, ...b.stored, ...parts].filter((part) => parts.includes(part))
  const batch = [...new Set(order)]
  const left = matrices(g, a, batch)
  const right = matrices(g, b, batch)
  const [rows, columns] = [fresh(a.axes.at(-2)), fresh(b.axes.at(-1))]
  const product = g.tensor(code`tf.matMul(${left}, ${right})`, [batch, rows, columns])
  return new Operand(type, [...axes, rows, columns], [product])
}

function matrices(g: Emitter, x: Operand, batch: readonly Part[]): Variable {
  const own = x.axes.slice(0, -2).flat()
  const missing = own.length === 0 ? [] : batch.filter((part) => !own.includes(part))
  const whole = missing.length === 0 ? x : repeatedAlong(x, missing)
  return g.arranged(whole, [own.length === 0 ? [] : batch, ...whole.axes.slice(-2)])
}

/** Parts of the same sizes: rows and columns may be made of the same value. */
function fresh(parts: readonly Part[] = []): readonly Part[] {
  return parts.map(({ size }) => ({ size }))
}

/** The value with parts that no tensor stores. */
function repeatedAlong(x: Operand, parts: readonly Part[]): Operand {
  return x.as(x.type, [parts, ...x.axes])
}
