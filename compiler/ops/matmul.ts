/** Matrix product over the last two axes. a: [..., m, k], b: [..., k, n], leading axes broadcast. Result: [..., m, n]. */
import { sameDimension, showShape } from '../ir/dimension.js'
import { elementCount } from '../ir/tensor.js'
import { dotRows } from './dot.js'
import { broadcastShapes, walk } from './elementwise.js'
import type { Value } from '../ir/graph.js'
import type { Builder } from './index.js'
import { expectFloat, fail, float32, type Op } from './op.js'
import { reduceTo } from './reduce_to.js'

/** The last two axes exchanged. */
export function swapped(x: Value, b: Builder): Value {
  const rank = x.type.shape.length
  const leading = Array.from({ length: rank - 2 }, (_, axis) => axis)
  return b.transpose(x, { permutation: [...leading, rank - 1, rank - 2] })
}

export const matmul: Op<['a', 'b']> = {
  inputs: ['a', 'b'],
  infer: ({ a, b }) => {
    expectFloat(a, b)
    const [m, k] = a.shape.slice(-2)
    const [k2, n] = b.shape.slice(-2)
    if (m === undefined || k === undefined || k2 === undefined || n === undefined) {
      fail('a matrix product needs two axes at least')
    }
    if (!sameDimension(k, k2)) {
      fail(`a matrix product of ${showShape(a.shape)} and ${showShape(b.shape)}: the inner sizes differ`)
    }
    return float32([...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n])
  },
  gradient: ({ a, b: right }, dy, { b }) => ({
    a: reduceTo(b.matmul(dy, swapped(right, b)), a.type.shape, b),
    b: reduceTo(b.matmul(swapped(a, b), dy), right.type.shape, b),
  }),
  flops: ({ a }, result) => 2 * elementCount(result) * (a.at(-1) ?? 0),
  evaluate: ({ a, b }, _, shape) => {
    const [m = 0, n = 0] = shape.slice(-2)
    const k = a.shape.at(-1) ?? 0
    const data = new Float32Array(elementCount(shape))
    const left = Float64Array.from(a.data)
    const right = new Float64Array(b.data.length)
    for (let matrix = 0; matrix < right.length; matrix += k * n) {
      for (let r = 0; r < k; r++) {
        for (let c = 0; c < n; c++) right[matrix + c * k + r] = b.data[matrix + r * n + c] ?? 0
      }
    }
    const matrices = (t: typeof a) => ({ shape: t.shape.slice(0, -2), data: t.data })
    walk([matrices(a), matrices(b)], shape.slice(0, -2), (at, i, j) => {
      const rows = { data: left, start: i * m * k, count: m }
      const columns = { data: right, start: j * k * n, count: n }
      dotRows(rows, columns, k, undefined, { data, start: at * m * n, stepA: n, stepB: 1 })
    })
    return { shape, data }
  },
}
