/** a where the condition holds, else b; elementwise, with broadcasting. condition: bool. Result: float. */
import { elementCount } from '../ir/tensor.js'
import { broadcastShapes, walk } from './elementwise.js'
import { expectFloat, fail, float32, type Op } from './op.js'
import { reduceTo } from './reduce_to.js'

export const where: Op<['condition', 'a', 'b']> = {
  inputs: ['condition', 'a', 'b'],
  infer: ({ condition, a, b }) => {
    if (condition.dataType !== 'bool') fail('the condition must be true or false for each element')
    expectFloat(a, b)
    return float32(broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape)))
  },
  gradient: ({ condition, a, b }, dy, { b: build }) => ({
    a: reduceTo(build.where(condition, dy, 0), a.type.shape, build),
    b: reduceTo(build.where(condition, 0, dy), b.type.shape, build),
  }),
  evaluate: ({ condition, a, b }, _, shape) => {
    const data = new Float32Array(elementCount(shape))
    walk([condition, a, b], shape, (at, i, j, k) => {
      data[at] = (condition.data[i] ? a.data[j] : b.data[k]) ?? 0
    })
    return { shape, data }
  },
}
