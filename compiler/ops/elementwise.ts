/** What the ops on single elements share: broadcasting as in NumPy, and loops over elements. */
import { isSymbolic, sameDimension, sameShape, showShape, type Dimension, type Shape } from '../ir/dimension.js'
import { allocate, broadcastStrides, elementCount, type DataType, type Tensor } from '../ir/tensor.js'
import type { Value } from '../ir/graph.js'
import type { Builder } from './index.js'
import {
  expectFloat,
  fail,
  notDifferentiable,
  type Gradient,
  type NoAttributes,
  type NotDifferentiable,
  type Op,
} from './op.js'
import { reduceTo } from './reduce_to.js'

/** The shape that two shapes broadcast to: axes match from the right, an axis of size 1 stretches. */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis): Dimension => {
    const x = a[axis - rank + a.length] ?? 1
    const y = b[axis - rank + b.length] ?? 1
    if (sameDimension(x, y) || y === 1) return x
    return x === 1
      ? y
      : fail(`shapes ${showShape(a)} and ${showShape(b)} do not fit: ${describe(x)} against ${describe(y)}`)
  })
}

function describe(dimension: Dimension): string {
  return isSymbolic(dimension) ? 'a size known only at run time' : String(dimension)
}

/** Applies `f` to each element; the result is rounded once to float32. */
function map(x: Tensor, f: (value: number) => number): Tensor {
  const data = new Float32Array(x.data.length)
  for (let i = 0; i < data.length; i++) data[i] = f(x.data[i] ?? 0)
  return { shape: x.shape, data }
}

/**
 * Walks the broadcast of up to three tensors to `shape`: `visit` gets the element's index in the result,
 * then in each tensor.
 */
export function walk(
  tensors: readonly Tensor[],
  shape: readonly number[],
  visit: (at: number, i: number, j: number, k: number) => void,
): void {
  const [s, t, u] = [0, 1, 2].map((which) => broadcastStrides(tensors[which]?.shape ?? [], shape.length))
  const index = shape.map(() => 0)
  const count = elementCount(shape)
  let [i, j, k] = [0, 0, 0]
  for (let at = 0; at < count; at++) {
    visit(at, i, j, k)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] ?? 1
      const next = (index[axis] ?? 0) + 1
      const wraps = next === size
      const move = wraps ? 1 - size : 1
      index[axis] = wraps ? 0 : next
      i += move * (s?.[axis] ?? 0)
      j += move * (t?.[axis] ?? 0)
      k += move * (u?.[axis] ?? 0)
      if (!wraps) break
    }
  }
}

/** The gradient of an op on single elements: `dy` times the derivative, made from the input and the result. */
export type Chain = (dy: Value, x: Value, y: Value, b: Builder) => Value

/** An op that turns each element into another; `flops` is its price per element. */
export function unary(flops: number, f: (value: number) => number, chain: Chain): Op<['x']> {
  return {
    inputs: ['x'],
    infer: ({ x }) => {
      expectFloat(x)
      return x
    },
    gradient: ({ x }, dy, { y, b }) => ({ x: chain(dy, x, y, b) }),
    flops: (_, result) => flops * elementCount(result),
    evaluate: ({ x }) => map(x, f),
  }
}

/** The gradients of both sides, before they are summed over what was repeated. */
export type PairChain = (
  dy: Value,
  sides: { readonly a: Value; readonly b: Value; readonly y: Value },
  build: Builder,
) => { readonly a: Value; readonly b: Value }

/** An op on two tensors, element by element, with broadcasting. */
export function binary(f: (a: number, b: number) => number, chain: PairChain): Op<['a', 'b'], NoAttributes> {
  return pairwise(f, 'float32', expectFloat, ({ a, b }, dy, { y, b: build }) => {
    const gradients = chain(dy, { a, b, y }, build)
    return { a: reduceTo(gradients.a, a.type.shape, build), b: reduceTo(gradients.b, b.type.shape, build) }
  })
}

/** The gradients of choosing one of two: that of the chosen one; where both are equal, half for each. */
export const ofChosen: PairChain = (dy, { a, b, y }, build) => {
  const share = (side: Value, other: Value) =>
    build.mul(dy, build.where(build.equal(side, y), build.where(build.equal(other, y), 0.5, 1), 0))
  return { a: share(a, b), b: share(b, a) }
}

/** A comparison of two tensors of one type, element by element, with broadcasting. */
export function comparison(f: (a: number, b: number) => boolean): Op<['a', 'b'], NoAttributes> {
  return pairwise(
    (a, b) => (f(a, b) ? 1 : 0),
    'bool',
    (a, b) => {
      if (a.dataType !== b.dataType) fail(`cannot compare ${a.dataType} with ${b.dataType}`)
    },
    notDifferentiable('a comparison is constant wherever it has a derivative'),
  )
}

function pairwise(
  f: (a: number, b: number) => number,
  dataType: DataType,
  check: (a: { dataType: DataType; shape: Shape }, b: { dataType: DataType; shape: Shape }) => void,
  gradient: Gradient<['a', 'b'], NoAttributes> | NotDifferentiable,
): Op<['a', 'b'], NoAttributes> {
  return {
    inputs: ['a', 'b'],
    infer: ({ a, b }) => {
      check(a, b)
      return { dataType, shape: broadcastShapes(a.shape, b.shape) }
    },
    gradient,
    flops: (_, result) => elementCount(result),
    evaluate: ({ a, b }, _, shape) => {
      const data = allocate(dataType, elementCount(shape))
      if (sameShape(a.shape, b.shape)) {
        for (let at = 0; at < data.length; at++) data[at] = f(a.data[at] ?? 0, b.data[at] ?? 0)
      } else {
        walk([a, b], shape, (at, i, j) => {
          data[at] = f(a.data[i] ?? 0, b.data[j] ?? 0)
        })
      }
      return { shape, data }
    },
  }
}
