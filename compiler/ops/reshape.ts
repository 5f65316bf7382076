/** The same elements in the same order under another shape. */
import { product, sameDimension, showShape, type Shape } from '../ir/dimension.js'
import { fail, type Op } from './op.js'

export interface ShapeAttribute {
  readonly shape: Shape
}

export const reshape: Op<['x'], ShapeAttribute> = {
  inputs: ['x'],
  view: true,
  infer: ({ x }, { shape }) =>
    sameDimension(product(x.shape), product(shape))
      ? { dataType: x.dataType, shape }
      : fail(`${showShape(x.shape)} cannot be read as ${showShape(shape)}: the numbers of elements differ`),
  gradient: ({ x }, dy, { b }) => ({ x: b.reshape(dy, { shape: x.type.shape }) }),
  evaluate: ({ x }, _, shape) => ({ shape, data: x.data }),
}
