/** What the ops on single elements share: broadcasting as in NumPy, and loops over elements. */
import { isSymbolic, sameDimension, showShape, type Dimension, type Shape } from '../ir/dimension.js'
import { broadcastStrides, elementCount, type DataType, type Tensor } from '../ir/tensor.js'
import { fail, type NoAttributes, type Op } from './op.js'

/** The shape that two shapes broadcast to: axes match from the right, an axis of size 1 stretches. */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis): Dimension => {
    const x = a[axis - rank + a.length] ?? 1
    const y = b[axis - rank + b.length] ?? 1
    if (sameDimension(x, y) || y === 1) return x
    return x === 1 ? y : fail(`shapes ${showShape(a)} and ${showShape(b)} do not fit: ${describe(x)} against ${describe(y)}`)
  })
}

function describe(dimension: Dimension): string {
  return isSymbolic(dimension) ? 'a size known only at run time' : String(dimension)
}

/** Applies `f` to each element; the result is rounded once to float32. */
export function map(x: Tensor, f: (value: number) => number): Tensor {
  const data = new Float32Array(x.data.length)
  for (let i = 0; i < data.length; i++) data[i] = f(x.data[i] ?? 0)
  return { shape: x.shape, data }
}

/** Walks the broadcast of several tensors to `shape`, calling `visit` with each one's element index. */
export function walk(tensors: readonly Tensor[], shape: readonly number[], visit: (at: number, ...from: number[]) => void): void {
  const strides = tensors.map((tensor) => broadcastStrides(tensor.shape, shape.length))
  const index = new Array<number>(shape.length).fill(0)
  const from = tensors.map(() => 0)
  const count = elementCount(shape)
  for (let at = 0; at < count; at++) {
    visit(at, ...from)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] ?? 1
      const next = (index[axis] ?? 0) + 1
      const wraps = next === size
      index[axis] = wraps ? 0 : next
      const move = wraps ? 1 - size : 1
      for (let t = 0; t < from.length; t++) from[t] = (from[t] ?? 0) + move * (strides[t]?.[axis] ?? 0)
      if (!wraps) break
    }
  }
}

/** An op that turns each element into another; `flops` is its price per element. */
export function unary(flops: number, f: (value: number) => number): Op<['x']> {
  return {
    inputs: ['x'],
    infer: ({ x }) => (x.dataType === 'float32' ? x : fail(`expects real numbers, not ${x.dataType}`)),
    flops: (_, result) => flops * elementCount(result),
    evaluate: ({ x }) => map(x, f),
  }
}

/** An op on two tensors, element by element, with broadcasting. */
export function binary(f: (a: number, b: number) => number, dataType: DataType = 'float32'): Op<['a', 'b'], NoAttributes> {
  return {
    inputs: ['a', 'b'],
    infer: ({ a, b }) => ({ dataType, shape: broadcastShapes(a.shape, b.shape) }),
    flops: (_, result) => elementCount(result),
    evaluate: ({ a, b }, _, shape) => {
      const data = dataType === 'bool' ? new Uint8Array(elementCount(shape)) : new Float32Array(elementCount(shape))
      walk([a, b], shape, (at, i, j) => {
        data[at] = f(a.data[i ?? 0] ?? 0, b.data[j ?? 0] ?? 0)
      })
      return { shape, data }
    },
  }
}
