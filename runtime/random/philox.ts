/**
 * Random numbers that are a function of their place: Philox4x32-10 (Salmon et al. 2011, "Parallel random
 * numbers: as easy as 1, 2, 3"). The same seed gives the same numbers on every engine, device and split of a
 * batch, and no draw depends on another.
 *
 * The key is the seed (low word, high word). The counter is (block low, block high, stream low, stream high):
 * block b holds elements 4b to 4b + 3 of a stream, and the stream is the 64-bit FNV-1a of its name's UTF-8.
 */

/** Names the numbers to draw. */
export interface RandomStream {
  /** A whole number from 0 to 2^53 - 1. */
  readonly seed: number
  /** What the numbers are for, such as a parameter's name or an image's place and step. */
  readonly name: string
}

function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash
}

/**
 * One block of Philox4x32-10: four words from a counter of four words and a key of two, into `out` from `at` on.
 * The high halves of the products are put together from 16-bit halves, for lack of 64-bit integers.
 */
export function philox4x32(
  out: Uint32Array,
  at: number,
  counter0: number,
  counter1: number,
  counter2: number,
  counter3: number,
  key0: number,
  key1: number,
): void {
  for (let round = 0; round < 10; round++) {
    const top0 = counter0 >>> 16
    const bottom0 = counter0 & 0xffff
    const middle0 = (Math.imul(top0, 0x1f53) + (Math.imul(bottom0, 0x1f53) >>> 16)) | 0
    const carry0 = (Math.imul(bottom0, 0xd251) + (middle0 & 0xffff)) | 0
    const high0 = (Math.imul(top0, 0xd251) + (middle0 >>> 16) + (carry0 >>> 16)) | 0
    const low0 = Math.imul(counter0, 0xd2511f53)
    const top2 = counter2 >>> 16
    const bottom2 = counter2 & 0xffff
    const middle2 = (Math.imul(top2, 0x8d57) + (Math.imul(bottom2, 0x8d57) >>> 16)) | 0
    const carry2 = (Math.imul(bottom2, 0xcd9e) + (middle2 & 0xffff)) | 0
    const high2 = (Math.imul(top2, 0xcd9e) + (middle2 >>> 16) + (carry2 >>> 16)) | 0
    const low2 = Math.imul(counter2, 0xcd9e8d57)
    counter0 = high2 ^ counter1 ^ key0
    counter1 = low2
    counter2 = high0 ^ counter3 ^ key1
    counter3 = low0
    key0 = (key0 + 0x9e3779b9) | 0
    key1 = (key1 + 0xbb67ae85) | 0
  }
  out[at] = counter0
  out[at + 1] = counter1
  out[at + 2] = counter2
  out[at + 3] = counter3
}

/** Words made at a time: few enough to stay in the cache. */
const wordsAtATime = 4096

/**
 * Fills `out` with elements `first`, `first + 1`, ... of a stream: `convert` makes elements of words, four of four,
 * because an element may depend on its neighbour in the block.
 */
function fill(
  out: Float32Array,
  { seed, name }: RandomStream,
  first: number,
  convert: (words: Uint32Array, elements: Float32Array) => void,
): void {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`a seed is a whole number from 0 on, not ${seed}`)
  const hash = fnv1a64(name)
  const stream0 = Number(hash & 0xffffffffn)
  const stream1 = Number(hash >> 32n)
  const key0 = seed >>> 0
  const key1 = Math.floor(seed / 2 ** 32)
  const end = first + out.length
  const words = new Uint32Array(Math.min(wordsAtATime, 4 * (Math.ceil(end / 4) - Math.floor(first / 4))))
  const elements = new Float32Array(words.length)
  for (let start = first - (first % 4); start < end; start += words.length) {
    for (let at = 0; at < words.length; at += 4) {
      const block = (start + at) / 4
      philox4x32(words, at, block >>> 0, Math.floor(block / 2 ** 32), stream0, stream1, key0, key1)
    }
    convert(words, elements)
    const skipped = Math.max(0, first - start)
    out.set(elements.subarray(skipped, end - start), start + skipped - first)
  }
}

/**
 * Fills `out` with U(-bound, bound): elements `first`, `first + 1`, ... of the stream. Word w gives
 * (w + 1/2) (bound / 2^31) - bound, computed in float64 in this order and rounded once.
 */
export function fillUniform(out: Float32Array, stream: RandomStream, bound = 1, first = 0): void {
  const scale = bound / 2 ** 31
  fill(out, stream, first, (words, elements) => {
    for (let i = 0; i < words.length; i++) elements[i] = ((words[i] ?? 0) + 0.5) * scale - bound
  })
}

/**
 * Fills `out` with N(0, deviation^2): elements `first`, `first + 1`, ... of the stream, by Box and Muller 1958.
 * Words (w0, w1) give r cos a and r sin a with r = sqrt(-2 ln((w0 + 1/2) / 2^32)), a = 2 pi w1 / 2^32; words
 * (w2, w3) the other two. Computed in float64 and rounded once.
 */
export function fillNormal(out: Float32Array, stream: RandomStream, deviation = 1, first = 0): void {
  fill(out, stream, first, (words, elements) => {
    for (let i = 0; i < words.length; i += 2) {
      const radius = deviation * Math.sqrt(-2 * Math.log(((words[i] ?? 0) + 0.5) / 2 ** 32))
      const angle = (2 * Math.PI * (words[i + 1] ?? 0)) / 2 ** 32
      elements[i] = radius * Math.cos(angle)
      elements[i + 1] = radius * Math.sin(angle)
    }
  })
}
