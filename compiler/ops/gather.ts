/** Entries of a table. table: [entries], index: int64, any shape, each from 0 to entries - 1. Result: as index, float. */
import { expectFloat, fail, float32, type Op } from './op.js'

export const gather: Op<['table', 'index']> = {
  inputs: ['table', 'index'],
  infer: ({ table, index }) => {
    expectFloat(table)
    if (table.shape.length !== 1) fail('a table has one axis')
    return index.dataType === 'int64' ? float32(index.shape) : fail(`an index is whole numbers, not ${index.dataType}`)
  },
  evaluate: ({ table, index }, _, shape) => ({
    shape,
    data: Float32Array.from(index.data, (entry) => table.data[entry] ?? NaN),
  }),
}
