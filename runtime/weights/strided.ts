/** Views of a storage: where their elements lie, and copying them into row-major order. */
import { elementsOf } from './dtype.js'

/** A view; offset and strides in elements. */
export interface View {
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

/** One past the last element that a view touches. */
export function endOf({ offset, shape, strides }: View): number {
  if (elementsOf(shape) === 0) return offset
  return shape.reduce((end, side, axis) => end + (side - 1) * (strides[axis] ?? 0), offset + 1)
}

/** Whether the elements lie in row-major order without gaps. */
export function isContiguous({ shape, strides }: View): boolean {
  if (elementsOf(shape) === 0) return true
  let expected = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const side = shape[axis] ?? 1
    if (side !== 1 && strides[axis] !== expected) return false
    expected *= side
  }
  return true
}

/** Copies the elements of a view, `size` bytes each, into row-major order. `source` begins at the view's offset. */
export function gather(source: Uint8Array, { shape, strides }: View, size: number): Uint8Array {
  const result = new Uint8Array(elementsOf(shape) * size)
  const rank = shape.length
  const inner = shape[rank - 1] ?? 1
  const innerStride = (strides[rank - 1] ?? 1) * size
  const index = new Array<number>(Math.max(0, rank - 1)).fill(0)
  let row = 0
  for (let at = 0; at < result.length;) {
    for (let i = 0, from = row; i < inner; i++, from += innerStride) {
      for (let byte = 0; byte < size; byte++) result[at++] = source[from + byte] ?? 0
    }
    for (let axis = rank - 2; axis >= 0; axis--) {
      const stride = (strides[axis] ?? 0) * size
      const next = (index[axis] ?? 0) + 1
      row += stride
      if (next < (shape[axis] ?? 1)) {
        index[axis] = next
        break
      }
      row -= next * stride
      index[axis] = 0
    }
  }
  return result
}
