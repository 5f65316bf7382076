/** Damages bytes in the ways that files are damaged, or made to hurt: for tests and fuzzing. */
import { philox4x32 } from '../../runtime/random/philox.js'

/** Whole numbers below a limit, the same for the same seed. */
export function dice(seed: number): (limit: number) => number {
  const words = new Uint32Array(4)
  let count = 0
  return (limit) => {
    philox4x32(words, 0, count++, 0, 0, 0, seed, 0)
    return (words[0] ?? 0) % Math.max(1, limit)
  }
}

const hugeNumbers = ['9007199254740993', '-1', '1e400', '0', '4294967296', 'null', '"x"', '[]', '18446744073709551615']
const interestingWords = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x7fffffff, 0x80000000, 0xffffffff]

type Mutation = (bytes: Buffer, roll: (limit: number) => number) => Buffer

/** Damage is done near the start and the end as often as elsewhere: headers and directories are there. */
function place(bytes: Buffer, roll: (limit: number) => number): number {
  const near = Math.min(bytes.length, 1024)
  return [roll(bytes.length), roll(near), bytes.length - 1 - roll(near)][roll(3)] ?? 0
}

const mutations: readonly Mutation[] = [
  (bytes, roll) => bytes.subarray(0, roll(bytes.length)),
  (bytes, roll) => Buffer.concat([bytes, Buffer.alloc(roll(64), roll(256))]),
  (bytes, roll) => {
    for (let i = roll(8); i >= 0; i--) {
      const at = place(bytes, roll)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << roll(8))
    }
    return bytes
  },
  (bytes, roll) => {
    for (let i = roll(4); i >= 0; i--) bytes[place(bytes, roll)] = roll(256)
    return bytes
  },
  (bytes, roll) => {
    const [from, to, length] = [place(bytes, roll), place(bytes, roll), roll(64)]
    const kept = Buffer.from(bytes.subarray(from, from + length))
    bytes.copy(bytes, from, to, to + length)
    kept.copy(bytes, to)
    return bytes
  },
  (bytes, roll) => {
    const at = place(bytes, roll)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + roll(32))])
  },
  (bytes, roll) => {
    const at = place(bytes, roll)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + roll(64)), bytes.subarray(at)])
  },
  (bytes, roll) => {
    const at = Math.min(place(bytes, roll), bytes.length - 4)
    if (at >= 0) bytes.writeUInt32LE(interestingWords[roll(interestingWords.length)] ?? 0, at)
    return bytes
  },
  (bytes, roll) => {
    const text = bytes.toString('latin1')
    const numbers = [...text.slice(0, 65536).matchAll(/\d+/g)]
    const found = numbers[roll(numbers.length)]
    if (found === undefined) return bytes
    const replaced = hugeNumbers[roll(hugeNumbers.length)] ?? ''
    return Buffer.from(text.slice(0, found.index) + replaced + text.slice(found.index + found[0].length), 'latin1')
  },
]

/** A damaged copy; the same for the same seed. */
export function mutated(original: Uint8Array, seed: number): Uint8Array {
  const roll = dice(seed)
  let bytes = Buffer.from(original)
  for (let i = roll(3); i >= 0; i--) {
    const mutation = mutations[roll(mutations.length)]
    if (mutation && bytes.length > 0) bytes = Buffer.from(mutation(bytes, roll))
  }
  return bytes
}
