/** float32 to IEEE 754 binary16, rounding to nearest even and clamping to the largest finite number. */

const largest = 0x7bff
const [infinity, overflow, smallestNormal] = [0x7f800000, 0x477ff000, 0x38800000]
/** Adding and taking off 2^52 rounds a smaller double to a whole number, ties to even. */
const roundToWhole = 2 ** 52

/** The bits of each number as float16. Beyond 65504, also infinite, becomes 65504: a mask must stay finite. */
export function toFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const result = new Uint16Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const word = bits[i] ?? 0
    const magnitude = word & 0x7fffffff
    let half: number
    if (magnitude >= overflow) half = magnitude > infinity ? 0x7e00 : largest
    else if (magnitude >= smallestNormal) half = (magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13
    else half = Math.abs(values[i] ?? 0) * 2 ** 24 + roundToWhole - roundToWhole
    result[i] = ((word >>> 16) & 0x8000) | half
  }
  return result
}
