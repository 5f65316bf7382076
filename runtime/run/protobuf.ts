/** The few kinds of fields of Protocol Buffers that event files need (protobuf.dev/programming-guides/encoding). */

const varintKind = 0
const fixed64Kind = 1
const bytesKind = 2
const fixed32Kind = 5

/** A message of these fields, in their order. */
export function message(...fields: readonly Buffer[]): Buffer {
  return Buffer.concat(fields)
}

/** A whole number, not negative and at most 2^53. */
export function integerField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8 + varintKind), varint(value)])
}

export function doubleField(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([varint(number * 8 + fixed64Kind), bytes])
}

export function floatField(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return Buffer.concat([varint(number * 8 + fixed32Kind), bytes])
}

/** A text, bytes, or a message within the message. */
export function bytesField(number: number, value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  return Buffer.concat([varint(number * 8 + bytesKind), varint(bytes.length), bytes])
}

/** Seven bits a byte, the lowest first; every byte but the last has its highest bit set. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Buffer.from([...bytes, rest])
}
