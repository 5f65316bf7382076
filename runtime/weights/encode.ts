/** Float32 to stored elements, little-endian. Floats are rounded to nearest, ties to even (IEEE 754). */
import type { Dtype } from './dtype.js'

/** The half-precision pattern nearest to a float32 pattern. */
function half(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff)
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude < 0x33000000) return sign
  // Normal numbers drop 13 bits of the fraction; subnormal ones more, down to the unit 2^-24.
  const normal = magnitude >= 0x38800000
  const dropped = normal ? 13 : 126 - (magnitude >>> 23)
  const value = normal ? magnitude - 0x38000000 : (magnitude & 0x7fffff) | 0x800000
  return sign | roundedShift(value, dropped)
}

/** value / 2^dropped, to nearest, ties to even. A carry out of the fraction raises the exponent, as it should. */
function roundedShift(value: number, dropped: number): number {
  const kept = value >>> dropped
  const rest = value & ((1 << dropped) - 1)
  const tie = 1 << (dropped - 1)
  return rest > tie || (rest === tie && (kept & 1) === 1) ? kept + 1 : kept
}

/** The bfloat16 pattern nearest to a float32 pattern. */
function brainFloat(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40
  const kept = bits >>> 16
  const rest = bits & 0xffff
  return rest > 0x8000 || (rest === 0x8000 && (kept & 1) === 1) ? kept + 1 : kept
}

const integerRange: Readonly<Record<string, readonly [number, number]>> = {
  I64: [-(2 ** 63), 2 ** 63],
  I32: [-(2 ** 31), 2 ** 31],
  I16: [-32768, 32768],
  I8: [-128, 128],
  U64: [0, 2 ** 64],
  U32: [0, 2 ** 32],
  U16: [0, 65536],
  U8: [0, 256],
}

function requireIntegers(dtype: Dtype, values: Float32Array): void {
  const [least, beyond] = integerRange[dtype] ?? [-Infinity, Infinity]
  const wrong = values.find((value) => !Number.isInteger(value) || value < least || value >= beyond)
  if (wrong !== undefined) throw new RangeError(`${wrong} cannot be stored as ${dtype}`)
}

/** Float32 values as little-endian bytes of `dtype`. Values that an integer type cannot hold are the caller's bug. */
export function encode(dtype: Dtype, values: Float32Array): Uint8Array {
  const asBytes = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const patterns = (pattern: (bits: number) => number) => {
    const out = new Uint16Array(values.length)
    for (let i = 0; i < out.length; i++) out[i] = pattern(bits[i] ?? 0)
    return asBytes(out)
  }
  switch (dtype) {
    case 'F32':
      return asBytes(values)
    case 'F64':
      return asBytes(Float64Array.from(values))
    case 'F16':
      return patterns(half)
    case 'BF16':
      return patterns(brainFloat)
    case 'BOOL':
      return Uint8Array.from(values, (value) => (value === 0 ? 0 : 1))
  }
  requireIntegers(dtype, values)
  switch (dtype) {
    case 'I32':
      return asBytes(Int32Array.from(values))
    case 'U32':
      return asBytes(Uint32Array.from(values))
    case 'I16':
    case 'U16':
      return asBytes(Uint16Array.from(values))
    case 'I8':
    case 'U8':
      return Uint8Array.from(values)
    case 'I64':
    case 'U64':
      return asBytes(BigUint64Array.from(values, (value) => BigInt.asUintN(64, BigInt(value))))
  }
}

/** The same in pieces, so that a large tensor needs no second copy as a whole. */
export function* encodedPieces(dtype: Dtype, values: Float32Array): Generator<Uint8Array> {
  const piece = dtype === 'F32' ? 2 ** 24 : 2 ** 20
  for (let start = 0; start < values.length; start += piece) yield encode(dtype, values.subarray(start, start + piece))
}
