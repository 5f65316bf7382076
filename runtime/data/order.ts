/**
 * Which example comes when: a function of the seed and of the position alone, so that a resumed run goes on exactly as
 * an undisturbed one. Positions count the rows of all batches from 0.
 */
import { fillUniform } from '../random/philox.js'

/** Epochs whose order is kept: a batch may reach from one into the next. */
const keptOrders = 4

/** Draws made at a time. */
const drawsAtATime = 4096

/** The order of `length` examples, epoch after epoch. */
export class Order {
  readonly #orders = new Map<string, Uint32Array>()

  constructor(
    private readonly length: number,
    private readonly seed: number,
  ) {}

  /** The example at a position: every epoch has each once, in an order of its own. */
  at(position: number): number {
    const epoch = Math.floor(position / this.length)
    return this.#order(`data:epoch:${epoch}`)[position % this.length] ?? 0
  }

  /**
   * The example that takes the place of one that is damaged; then, from `attempt` 1 on, of those that are damaged too.
   * `length` attempts give each example once.
   */
  instead(position: number, attempt: number): number {
    const epoch = Math.floor(position / this.length)
    return this.#order(`data:instead:${epoch}`)[(position + attempt) % this.length] ?? 0
  }

  #order(name: string): Uint32Array {
    const known = this.#orders.get(name)
    if (known !== undefined) return known
    const [oldest] = this.#orders.keys()
    if (oldest !== undefined && this.#orders.size >= keptOrders) this.#orders.delete(oldest)
    const order = permutation(this.length, this.seed, name)
    this.#orders.set(name, order)
    return order
  }
}

/** Uniform numbers from 0 up to 1, elements `first` and on of a stream. */
export function uniforms(seed: number, name: string, first: number, count: number): Float64Array {
  const draws = new Float32Array(count)
  fillUniform(draws, { seed, name }, 0.5, first)
  // The draw nearest to 1/2 is rounded to it.
  return Float64Array.from(draws, (draw) => Math.min(draw + 0.5, 1 - 2 ** -24))
}

/** A permutation of the numbers below `length`, by Fisher and Yates; two draws of 24 bits make one of 48. */
function permutation(length: number, seed: number, name: string): Uint32Array {
  const order = Uint32Array.from({ length }, (_, i) => i)
  let draws: Float64Array = new Float64Array()
  for (let i = 0; i + 1 < length; i++) {
    const at = (2 * i) % drawsAtATime
    if (at === 0) draws = uniforms(seed, name, 2 * i, Math.min(drawsAtATime, 2 * (length - i)))
    const draw = (Math.floor((draws[at] ?? 0) * 2 ** 24) + (draws[at + 1] ?? 0)) / 2 ** 24
    const other = i + Math.floor(draw * (length - i))
    const value = order[other] ?? 0
    order[other] = order[i] ?? 0
    order[i] = value
  }
  return order
}
