/** Arrays as files of NumPy: numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0. */
import { encode } from '../weights/encode.js'

const types = {
  fp32: { stored: 'F32', name: '<f4' },
  fp16: { stored: 'F16', name: '<f2' },
} as const

/** How numbers are stored. */
export type Precision = keyof typeof types

/** The file of an array, row-major. Values that are not as many as the shape says are the caller's bug. */
export function npy(precision: Precision, shape: readonly number[], values: Float32Array): Uint8Array {
  if (values.length !== shape.reduce((product, side) => product * side, 1))
    throw new Error(`${values.length} values of an array [${shape.join(', ')}]`)
  const { stored, name } = types[precision]
  const sizes = shape.map((side) => `${side},`).join(' ')
  const text = `{'descr': '${name}', 'fortran_order': False, 'shape': (${sizes}), }`
  // Magic and version are 8 bytes, the length 2; the values begin at a multiple of 64.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10
  const start = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${text.padEnd(length - 1)}\n`, 'latin1')
  start.writeUInt16LE(length, 8)
  return Buffer.concat([start, encode(stored, values)])
}
