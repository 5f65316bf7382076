import { describe, expect, test } from 'vitest'
import { decodeInto, swapBytes } from '../../runtime/weights/decode.js'
import type { Dtype } from '../../runtime/weights/dtype.js'
import { encode } from '../../runtime/weights/encode.js'

function decode(dtype: Dtype, array: ArrayBufferView, count: number): Float32Array {
  const out = new Float32Array(count)
  decodeInto(dtype, new Uint8Array(array.buffer, array.byteOffset, array.byteLength), out, 0)
  return out
}
const bitsOf = (values: Float32Array) => [...new Uint32Array(values.buffer)]

/** The value of a half-precision pattern by its definition (IEEE 754-2019, table 3.5). */
function halfByDefinition(pattern: number): number {
  const sign = pattern & 0x8000 ? -1 : 1
  const exponent = (pattern >> 10) & 31
  const fraction = pattern & 1023
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return exponent ? sign * (1 + fraction / 1024) * 2 ** (exponent - 15) : sign * fraction * 2 ** -24
}

describe('half precision', () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i)
  const values = decode('F16', all, 65536)

  test('every pattern is read by its definition', () => {
    expect([...values]).toEqual([...all].map(halfByDefinition))
    expect(Object.is(values[0x8000], -0)).toBe(true)
  })

  test('every pattern survives being read and written; NaNs stay quiet or become so', () => {
    const written = new Uint16Array(encode('F16', values).buffer)
    for (let i = 0; i < 65536; i++) {
      const signalling = (i & 0x7c00) === 0x7c00 && (i & 0x3ff) !== 0
      expect(written[i]).toBe(signalling ? i | 0x200 : i)
    }
  })

  test('halfway goes to even, the rest to the nearest', () => {
    const finite = Array.from({ length: 0x7bff }, (_, i) => i)
    const middles = Float32Array.from(finite, (i) => (halfByDefinition(i) + halfByDefinition(i + 1)) / 2)
    const shifted = (by: number) => new Float32Array(new Uint32Array(middles.buffer).map((bits) => bits + by).buffer)
    const patterns = (values: Float32Array) => [...new Uint16Array(encode('F16', values).buffer)]
    expect(patterns(middles)).toEqual(finite.map((i) => i + (i & 1)))
    expect(patterns(shifted(-1))).toEqual(finite)
    expect(patterns(shifted(1))).toEqual(finite.map((i) => i + 1))
    expect(patterns(Float32Array.of(65519, 65520, 1e30, -1e-10))).toEqual([0x7bff, 0x7c00, 0x7c00, 0x8000])
  })
})

test('bfloat16 is the upper half of float32, rounded to even', () => {
  const bits = Uint32Array.of(
    0x3f800000,
    0x3f808000,
    0x3f818000,
    0x3f808001,
    0x7f7fffff,
    0x7f800001,
    0xff800000,
    0x00008001,
  )
  const written = [...new Uint16Array(encode('BF16', new Float32Array(bits.buffer)).buffer)]
  expect(written).toEqual([0x3f80, 0x3f80, 0x3f82, 0x3f81, 0x7f80, 0x7fc0, 0xff80, 0x0001])
  expect(bitsOf(decode('BF16', Uint16Array.of(0x3f80, 0x7fc0, 0x8000, 1), 4))).toEqual([
    0x3f800000, 0x7fc00000, 0x80000000, 0x00010000,
  ])
})

test('64-bit integers are rounded once', () => {
  // 2^53 + 2^29 + 1 lies just above the middle of two float32; by way of float64 it would fall on the middle.
  const above = 2n ** 53n + 2n ** 29n + 1n
  const integers = BigInt64Array.of(above, -above, 2n ** 24n + 1n, -(2n ** 63n), 2n ** 63n - 1n, -7n)
  expect([...decode('I64', integers, 6)]).toEqual([
    2 ** 53 + 2 ** 30,
    -(2 ** 53 + 2 ** 30),
    2 ** 24,
    -(2 ** 63),
    2 ** 63,
    -7,
  ])
  expect([...decode('U64', BigUint64Array.of(2n ** 64n - 1n, above), 2)]).toEqual([2 ** 64, 2 ** 53 + 2 ** 30])
})

test('unaligned bytes are read, and swapped', () => {
  const bytes = new Uint8Array(9)
  new DataView(bytes.buffer).setFloat32(1, 1.5, false)
  new DataView(bytes.buffer).setFloat32(5, -2, false)
  const view = bytes.subarray(1)
  swapBytes(view, 4)
  expect([...decode('F32', view, 2)]).toEqual([1.5, -2])
})

test('what an integer type cannot hold is refused', () => {
  expect(() => encode('I8', Float32Array.of(128))).toThrow(RangeError)
  expect(() => encode('U8', Float32Array.of(-1))).toThrow(RangeError)
  expect(() => encode('I32', Float32Array.of(0.5))).toThrow(RangeError)
})
