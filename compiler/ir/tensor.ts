/** Types of tensors in the IR, and tensors themselves as the reference evaluation and constants hold them. */
import { sameShape, showShape, type Shape } from './dimension.js'

export type DataType = 'float32' | 'int64' | 'bool'

export interface TensorType {
  readonly dataType: DataType
  readonly shape: Shape
}

export function showType({ dataType, shape }: TensorType): string {
  return `${dataType}${showShape(shape)}`
}

export function sameType(a: TensorType, b: TensorType): boolean {
  return a === b || (a.dataType === b.dataType && sameShape(a.shape, b.shape))
}

/** Elements by type: float32, int64 (kept in 64-bit floats, exact up to 2^53) and bool (0 and 1). */
export type TensorData = Float32Array | Float64Array | Uint8Array

/** A tensor in memory, row-major. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly data: TensorData
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1)
}

export function allocate(dataType: DataType, count: number): TensorData {
  if (dataType === 'float32') return new Float32Array(count)
  return dataType === 'int64' ? new Float64Array(count) : new Uint8Array(count)
}

/** The type that an array stands for: each type has its own kind of array. */
export function dataTypeOf(data: TensorData): DataType {
  if (data instanceof Float32Array) return 'float32'
  return data instanceof Float64Array ? 'int64' : 'bool'
}

export function allocateLike(data: TensorData, count: number): TensorData {
  return allocate(dataTypeOf(data), count)
}

export function floats(shape: readonly number[], data?: ArrayLike<number>): Tensor {
  return { shape, data: data === undefined ? new Float32Array(elementCount(shape)) : Float32Array.from(data) }
}

/** Row-major strides; 0 along axes of size 1, so that a tensor can be read as if broadcast. */
export function broadcastStrides(shape: readonly number[], rank: number): number[] {
  const strides = new Array<number>(rank).fill(0)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1
    strides[rank - shape.length + axis] = size === 1 ? 0 : stride
    stride *= size
  }
  return strides
}
