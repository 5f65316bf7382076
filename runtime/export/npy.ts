/** Arrays as files of NumPy: numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0. */
import { encode } from '../weights/encode.js'

const kinds = { F32: '<f4', F16: '<f2' } as const

/** Types that numbers may be stored in. */
export type NpyType = keyof typeof kinds

/** The file of an array, row-major. Values that are not as many as the shape says are the caller's bug. */
export function npy(type: NpyType, shape: readonly number[], values: Float32Array): Uint8Array {
  if (values.length !== shape.reduce((product, side) => product * side, 1))
    throw new Error(`${values.length} values of an array [${shape.join(', ')}]`)
  const sizes = shape.map((side) => `${side},`).join(' ')
  const text = `{'descr': '${kinds[type]}', 'fortran_order': False, 'shape': (${sizes}), }`
  // Magic and version are 8 bytes, the length 2; the values begin at a multiple of 64.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10
  const start = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${text.padEnd(length - 1)}\n`, 'latin1')
  start.writeUInt16LE(length, 8)
  return Buffer.concat([start, encode(type, values)])
}
