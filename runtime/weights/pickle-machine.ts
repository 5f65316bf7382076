/** The state of a pickle being read: its bytes, stack, marks and memo. Time and memory are linear in the bytes. */
import { pickleDamaged, weightsTooLarge } from '../../compiler/diagnostics/weights.js'
import { WeightFailure } from './failure.js'
import type { PickleGlobal, PickleValue } from './pickle-values.js'

/** What a pickle may ask its surroundings for. Each throws a WeightFailure for what is refused. */
export interface PickleHost {
  /** Looks a name up. */
  global(module: string, name: string): PickleGlobal
  /** What a call of a looked-up name stands for; nothing is called. */
  call(target: PickleValue, made: readonly PickleValue[], machine: PickleMachine): PickleValue
  /** What lies outside the pickle: a storage. */
  persistent(id: PickleValue, machine: PickleMachine): PickleValue
}

/** Elements that calls may copy in all, so that few bytes cannot ask for much work. */
const copyLimit = 2 ** 24

export class PickleMachine {
  readonly host: PickleHost
  readonly memo = new Map<number, PickleValue>()
  result: PickleValue | undefined
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #stack: PickleValue[] = []
  readonly #marks: number[] = []
  #at = 0
  #copied = 0

  constructor(bytes: Uint8Array, host: PickleHost) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.host = host
  }

  damaged(problem: string): WeightFailure {
    return new WeightFailure(pickleDamaged({ problem, at: this.#at }))
  }

  /** Accounts for `count` elements (or characters) that a call copies. */
  copies(count: number): void {
    this.#copied += count
    if (this.#copied > copyLimit) {
      throw new WeightFailure(weightsTooLarge({ what: "the pickle's demand for copies", limit: '2^24 elements' }))
    }
  }

  push(value: PickleValue): void {
    this.#stack.push(value)
  }

  /** Takes the top, which must lie above the last mark. */
  pop(): PickleValue {
    const value = this.top()
    this.#stack.pop()
    return value
  }

  top(): PickleValue {
    const value = this.#stack.length > (this.#marks.at(-1) ?? 0) ? this.#stack.at(-1) : undefined
    if (value === undefined) throw this.damaged('an instruction finds nothing to work on')
    return value
  }

  mark(): void {
    this.#marks.push(this.#stack.length)
  }

  /** Takes everything above the last mark, and the mark. */
  popToMark(): PickleValue[] {
    const mark = this.#marks.pop()
    if (mark === undefined) throw this.damaged('an instruction finds no mark')
    return this.#stack.splice(mark)
  }

  /** Drops the top, or the mark if it is on top. */
  drop(): void {
    if (this.#marks.length > 0 && this.#marks.at(-1) === this.#stack.length) this.#marks.pop()
    else this.pop()
  }

  /** Puts the top into the memo. */
  remember(index: number): void {
    this.memo.set(index, this.top())
  }

  recall(index: number): void {
    const value = this.memo.get(index)
    if (value === undefined) throw this.damaged(`nothing was remembered as ${index}`)
    this.push(value)
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Uint8Array {
    if (!(length >= 0 && length <= this.#bytes.length - this.#at)) throw this.damaged('it ends too early')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true)
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true)
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), true)
  }

  /** Lengths beyond 2^53 lose digits, and are beyond the file in any case. */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true))
  }

  /** The only number of a pickle that is big-endian. */
  float64(): number {
    return this.#view.getFloat64(this.#advance(8), false)
  }

  /** Text up to the end of the line. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at)
    if (end < 0) throw this.damaged('a line has no end')
    const text = latin1(this.take(end - this.#at))
    this.#at++
    return text
  }

  #advance(length: number): number {
    this.take(length)
    return this.#at - length
  }
}

/** Bytes as text, one character each. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
