/** Stored elements to float32, each rounded once. Hosts are little-endian, as all that Node's engines run on. */
import { bytesOf, type Dtype } from './dtype.js'

/** Values of all 65,536 half-precision patterns; made when the first one is read. */
let halves: Float32Array | undefined

function halfTable(): Float32Array {
  if (halves) return halves
  const table = new Float32Array(65536)
  const bits = new Uint32Array(table.buffer)
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16
    const exponent = (half >>> 10) & 31
    const fraction = half & 1023
    if (exponent === 0) table[half] = (sign ? -1 : 1) * fraction * 2 ** -24
    else bits[half] = sign | ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13)
  }
  return (halves = table)
}

/** A 64-bit integer as a number whose rounding to float32 is that of the integer: bits below the 53rd become one sticky bit. */
function withoutDoubleRounding(value: bigint): number {
  if (value < 0n) return -withoutDoubleRounding(-value)
  if (value < 1n << 53n) return Number(value)
  const rest = value & 0x7ffn
  return Number((value - rest) | (rest === 0n ? 0n : 1n << 11n))
}

/**
 * Converts little-endian elements of `bytes` into `out` from index `at` on. The length of `bytes` is a
 * whole number of elements.
 */
export function decodeInto(dtype: Dtype, bytes: Uint8Array, out: Float32Array, at: number): void {
  const size = bytesOf(dtype)
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes)
  const { buffer, byteOffset } = aligned
  const count = bytes.length / size
  switch (dtype) {
    case 'F64':
      return out.set(new Float64Array(buffer, byteOffset, count), at)
    case 'F32':
      return out.set(new Float32Array(buffer, byteOffset, count), at)
    case 'I32':
      return out.set(new Int32Array(buffer, byteOffset, count), at)
    case 'I16':
      return out.set(new Int16Array(buffer, byteOffset, count), at)
    case 'I8':
      return out.set(new Int8Array(buffer, byteOffset, count), at)
    case 'U32':
      return out.set(new Uint32Array(buffer, byteOffset, count), at)
    case 'U16':
      return out.set(new Uint16Array(buffer, byteOffset, count), at)
    case 'U8':
      return out.set(bytes, at)
    case 'BOOL':
      for (let i = 0; i < count; i++) out[at + i] = bytes[i] === 0 ? 0 : 1
      return
    case 'F16': {
      const table = halfTable()
      const patterns = new Uint16Array(buffer, byteOffset, count)
      for (let i = 0; i < count; i++) out[at + i] = table[patterns[i] ?? 0] ?? 0
      return
    }
    case 'BF16': {
      const patterns = new Uint16Array(buffer, byteOffset, count)
      const bits = new Uint32Array(out.buffer, out.byteOffset, out.length)
      for (let i = 0; i < count; i++) bits[at + i] = (patterns[i] ?? 0) << 16
      return
    }
    case 'I64':
    case 'U64': {
      const integers =
        dtype === 'I64' ? new BigInt64Array(buffer, byteOffset, count) : new BigUint64Array(buffer, byteOffset, count)
      for (let i = 0; i < count; i++) out[at + i] = withoutDoubleRounding(integers[i] ?? 0n)
    }
  }
}

/** Stored elements as float32, piece by piece; a piece is valid only until the next one is asked for. */
export async function* decodedPieces(dtype: Dtype, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Float32Array> {
  let values = new Float32Array(0)
  for await (const piece of pieces) {
    if (dtype === 'F32' && piece.byteOffset % 4 === 0) {
      yield new Float32Array(piece.buffer, piece.byteOffset, piece.length / 4)
      continue
    }
    const count = piece.length / bytesOf(dtype)
    if (values.length < count) values = new Float32Array(count)
    decodeInto(dtype, piece, values, 0)
    yield values.subarray(0, count)
  }
}

/** Reverses the bytes of every element, in place. */
export function swapBytes(bytes: Uint8Array, size: number): void {
  if (size === 1) return
  for (let start = 0; start + size <= bytes.length; start += size) bytes.subarray(start, start + size).reverse()
}
