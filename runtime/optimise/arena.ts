/**
 * A part of the memory of training: all arrays of some parameters, where the kernel reaches them. Each kind of array
 * has a section, and a parameter has the same place in every section.
 */
import { InternalError } from '../../compiler/diagnostics/internal.js'
import type { Adam } from './adam.js'
import { granule, kernelOf, type Kernel } from './kernel.js'

/** What is kept of a parameter. */
export type Kind = 'values' | 'firstMoment' | 'secondMoment' | 'average' | 'gradientSum'

/** Where a parameter is. */
export interface Place {
  /** Bytes from the begin of a section. */
  readonly at: number
  /** Elements. */
  readonly count: number
}

/** A gradient: an array of any memory, or what `accumulate` has put into the arena. */
export type Gradient = Float32Array | 'sum'

/** A gradient, or a piece of one, where the kernel reaches it. */
interface Piece {
  readonly address: number
  /** Bytes that come before it in the gradient. */
  readonly at: number
  readonly bytes: number
}

/** Elements of a gradient that are copied at a time: they stay in the second-level cache until they are used. */
const pieceLength = 65_536
const scratchBytes = 4 * pieceLength
const pageBytes = 65_536

/** The most that a WebAssembly memory holds, less a page: the end of an array is an address as well. */
export const largestArena = 2 ** 32 - pageBytes

/** Bytes that an array takes in a section. */
export function bytesOf(count: number): number {
  return Math.ceil((4 * count) / granule) * granule
}

/**
 * The distance of sections of `bytes`. Equal places of two sections differ in their lower 12 bits: a load that is
 * equal in them to an earlier store has to wait for it, which costs a tenth of the whole.
 */
function strideOf(bytes: number): number {
  const period = 4096
  const shift = period / 4 + granule
  return Math.ceil((bytes - shift) / period) * period + shift
}

/** Bytes of an arena, of whole pages. */
export function arenaBytes(kinds: number, bytes: number): number {
  return Math.ceil((scratchBytes + kinds * strideOf(bytes)) / pageBytes) * pageBytes
}

/** Arrays are zero at first. */
export class Arena {
  readonly #kinds: readonly Kind[]
  readonly #stride: number
  readonly #memory: WebAssembly.Memory
  readonly #kernel: Kernel
  readonly #scratch: Float32Array

  /** `bytes` is the size of a section. Throws a RangeError if there is not enough memory. */
  constructor(kinds: readonly Kind[], bytes: number) {
    this.#kinds = kinds
    this.#stride = strideOf(bytes)
    const pages = arenaBytes(kinds.length, bytes) / pageBytes
    this.#memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
    this.#kernel = kernelOf(this.#memory)
    this.#scratch = new Float32Array(this.#memory.buffer, 0, pieceLength)
  }

  has(kind: Kind): boolean {
    return this.#kinds.includes(kind)
  }

  /** A parameter's array itself, not a copy. */
  view(kind: Kind, place: Place): Float32Array {
    return new Float32Array(this.#memory.buffer, this.#address(kind, place), place.count)
  }

  /** The sum of a gradient's squares, in float64: finite exactly if all elements are. */
  squares(place: Place, gradient: Gradient): number {
    let sum = 0
    for (const { address, bytes } of this.#pieces(place, gradient)) sum += this.#kernel.squares(address, bytes)
    return sum
  }

  /** Adds a gradient to the sum of gradients, or makes it the sum. */
  accumulate(place: Place, gradient: Float32Array, first: boolean): void {
    if (first) return this.view('gradientSum', place).set(gradient)
    const sum = this.#address('gradientSum', place)
    for (const { address, at, bytes } of this.#pieces(place, gradient))
      this.#kernel.combine(sum + at, address, bytes, 1, 1)
  }

  /** One step for one parameter. A sum of gradients is used up by it. */
  step(place: Place, gradient: Gradient, adam: Adam): void {
    const values = this.#address('values', place)
    const first = this.#address('firstMoment', place)
    const second = this.#address('secondMoment', place)
    const average = this.has('average') ? this.#address('average', place) : 0
    for (const { address, at, bytes } of this.#pieces(place, gradient)) {
      if (adam.coupled > 0) this.#kernel.combine(address, values + at, bytes, adam.scale, adam.coupled)
      this.#kernel.adam(
        values + at,
        first + at,
        second + at,
        average && average + at,
        address,
        bytes,
        adam.coupled > 0 ? 1 : adam.scale,
        adam.kept,
        adam.gain1,
        adam.beta2,
        adam.gain2,
        adam.rate,
        adam.epsilon,
        adam.averageGain,
      )
    }
  }

  #address(kind: Kind, { at }: Place): number {
    const section = this.#kinds.indexOf(kind)
    if (section < 0) throw new InternalError(`nothing is kept of a parameter's ${kind}`)
    return scratchBytes + section * this.#stride + at
  }

  /** A piece of a gradient from elsewhere is valid only until the next one. */
  *#pieces(place: Place, gradient: Gradient): Generator<Piece> {
    if (gradient === 'sum') {
      yield { address: this.#address('gradientSum', place), at: 0, bytes: bytesOf(place.count) }
      return
    }
    for (let start = 0; start < gradient.length; start += pieceLength) {
      const piece = gradient.subarray(start, start + pieceLength)
      const bytes = bytesOf(piece.length)
      this.#scratch.set(piece)
      this.#scratch.fill(0, piece.length, bytes / 4)
      yield { address: 0, at: 4 * start, bytes }
    }
  }
}
