/** Whole numbers as real numbers. x: int64, any shape. Result: as x, float. */
import { fail, float32, notDifferentiable, type Op } from './op.js'

export const toFloat: Op<['x']> = {
  inputs: ['x'],
  infer: ({ x }) => (x.dataType === 'int64' ? float32(x.shape) : fail(`expects whole numbers, not ${x.dataType}`)),
  gradient: notDifferentiable('whole numbers have no derivatives'),
  evaluate: ({ x }, _, shape) => ({ shape, data: Float32Array.from(x.data) }),
}
