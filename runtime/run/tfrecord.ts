/** TFRecord, the framing of event files: length, checksum of the length, data, checksum of the data. */

/** The remainder of each byte for CRC-32C (Castagnoli), lowest bit first. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1
  return remainder
})

/** CRC-32C of RFC 3720, appendix B.4. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0)
  return ~crc >>> 0
}

/** Rotated and shifted, so that the checksum of data that holds checksums is no easy case. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** One record of a TFRecord file. */
export function tfRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(data.length + 16)
  record.writeBigUInt64LE(BigInt(data.length))
  record.writeUInt32LE(masked(record.subarray(0, 8)), 8)
  record.set(data, 12)
  record.writeUInt32LE(masked(data), 12 + data.length)
  return record
}
