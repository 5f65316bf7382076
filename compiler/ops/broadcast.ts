/** x repeated along its axes of size 1 (and along new leading axes) up to `shape`. */
import { sameShape, showShape } from '../ir/dimension.js'
import { allocateLike, elementCount } from '../ir/tensor.js'
import { broadcastShapes, walk } from './elementwise.js'
import { fail, type Op } from './op.js'
import { reduceTo } from './reduce_to.js'
import type { ShapeAttribute } from './reshape.js'

export const broadcast: Op<['x'], ShapeAttribute> = {
  inputs: ['x'],
  infer: ({ x }, { shape }) =>
    sameShape(broadcastShapes(x.shape, shape), shape)
      ? { dataType: x.dataType, shape }
      : fail(`${showShape(x.shape)} cannot be repeated to ${showShape(shape)}`),
  gradient: ({ x }, dy, { b }) => ({ x: reduceTo(dy, x.type.shape, b) }),
  evaluate: ({ x }, _, shape) => {
    const data = allocateLike(x.data, elementCount(shape))
    walk([x], shape, (at, i) => {
      data[at] = x.data[i] ?? 0
    })
    return { shape, data }
  },
}
