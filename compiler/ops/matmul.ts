/** Matrix product over the last two axes. a: [..., m, k], b: [..., k, n] with leading axes broadcast. Result: [..., m, n]. */
import { sameDimension, showShape } from '../ir/dimension.js'
import { elementCount } from '../ir/tensor.js'
import { broadcastShapes, walk } from './elementwise.js'
import { fail, float32, type Op } from './op.js'

export const matmul: Op<['a', 'b']> = {
  inputs: ['a', 'b'],
  infer: ({ a, b }) => {
    const [m, k] = a.shape.slice(-2)
    const [k2, n] = b.shape.slice(-2)
    if (m === undefined || k === undefined || k2 === undefined || n === undefined) fail('a matrix product needs two axes at least')
    if (!sameDimension(k, k2)) fail(`a matrix product of ${showShape(a.shape)} and ${showShape(b.shape)}: the inner sizes differ`)
    return float32([...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n])
  },
  flops: ({ a }, result) => 2 * elementCount(result) * (a.at(-1) ?? 0),
  evaluate: ({ a, b }, _, shape) => {
    const [m = 0, n = 0] = shape.slice(-2)
    const k = a.shape.at(-1) ?? 0
    const lead = shape.slice(0, -2)
    const data = new Float32Array(elementCount(shape))
    const matrices = (t: typeof a) => ({ shape: t.shape.slice(0, -2), data: t.data })
    const row = new Float64Array(n)
    walk([matrices(a), matrices(b)], lead, (at, i = 0, j = 0) => {
      for (let r = 0; r < m; r++) {
        row.fill(0)
        for (let c = 0; c < k; c++) {
          const factor = a.data[(i * m + r) * k + c] ?? 0
          const start = (j * k + c) * n
          for (let s = 0; s < n; s++) row[s] = (row[s] ?? 0) + factor * (b.data[start + s] ?? 0)
        }
        data.set(row, (at * m + r) * n)
      }
    })
    return { shape, data }
  },
}
