/** Entries of a table. table: [entries], index: int64, any shape, each from 0 to entries - 1. Result: as index, float. */
import { product } from '../ir/dimension.js'
import { expectFloat, fail, fixedSize, float32, type Op } from './op.js'

export const gather: Op<['table', 'index']> = {
  inputs: ['table', 'index'],
  infer: ({ table, index }) => {
    expectFloat(table)
    if (table.shape.length !== 1) fail('a table has one axis')
    return index.dataType === 'int64' ? float32(index.shape) : fail(`an index is whole numbers, not ${index.dataType}`)
  },
  gradient: ({ table, index }, dy, { b }) => {
    const entries = fixedSize(table.type, 0, 'a table')
    const all = product(index.type.shape)
    const chosen = b.oneHot(b.reshape(index, { shape: [all] }), { depth: entries })
    return { table: b.reshape(b.matmul(b.reshape(dy, { shape: [1, all] }), chosen), { shape: [entries] }) }
  },
  evaluate: ({ table, index }, _, shape) => ({
    shape,
    data: Float32Array.from(index.data, (entry) => table.data[entry] ?? NaN),
  }),
}
