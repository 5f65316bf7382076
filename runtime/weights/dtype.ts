/** Element types of stored tensors, by the names that safetensors gives them. */

const itemBytes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const

/** An element type: F and BF float, I signed and U unsigned integer, with its bits. */
export type Dtype = keyof typeof itemBytes

/** Whether a name of a foreign file is an element type that mdmc reads. */
export function isDtype(name: unknown): name is Dtype {
  return typeof name === 'string' && Object.hasOwn(itemBytes, name)
}

/** Bytes of one element. */
export function bytesOf(dtype: Dtype): number {
  return itemBytes[dtype]
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1)
}
