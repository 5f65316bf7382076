/** Small tensors for tests: by formula, by chance with a fixed seed, and compared with a tolerance. */
import { expect } from 'vitest'
import { elementCount, floats, type Tensor } from '../../compiler/ir/tensor.js'

/** The float32 tensor whose element at an index is `f(...index)`. */
export function tensor(shape: readonly number[], f: (...index: number[]) => number): Tensor {
  const result = floats(shape)
  for (let i = 0; i < result.data.length; i++) {
    let rest = i
    const index = shape.toReversed().map((size) => {
      const digit = rest % size
      rest = (rest - digit) / size
      return digit
    })
    result.data[i] = f(...index.reverse())
  }
  return result
}

/** The element at an index; an index outside of the tensor is the test's own fault. */
export function at({ shape, data }: Tensor, ...index: readonly number[]): number {
  const outside = index.length !== shape.length || index.some((i, axis) => i < 0 || i >= (shape[axis] ?? 0))
  const value = data[index.reduce((offset, i, axis) => offset * (shape[axis] ?? 0) + i, 0)]
  if (outside || value === undefined) throw new RangeError(`[${index.join()}] is outside of [${shape.join()}]`)
  return value
}

/** Uniform numbers from 0 to 1 (mulberry32). */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Standard normal numbers (Box & Muller 1958), the same for the same shape and seed. */
export function randn(shape: readonly number[], seed = 1): Tensor {
  const next = chance(seed * 7919 + elementCount(shape))
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  return floats(shape, Array.from({ length: elementCount(shape) }, normal))
}

export function whole(shape: readonly number[], values: readonly number[]): Tensor {
  return { shape, data: Float64Array.from(values) }
}

export function truths(shape: readonly number[], values: readonly number[]): Tensor {
  return { shape, data: Uint8Array.from(values) }
}

/** Equal shapes and kinds of numbers, and numbers within `tolerance` of max(1, |expected|). */
export function expectClose(actual: Tensor | undefined, expected: Tensor, tolerance: number): void {
  expect(actual?.shape).toEqual(expected.shape)
  expect(actual?.data.constructor.name).toBe(expected.data.constructor.name)
  let worst = { at: -1, difference: tolerance, actual: 0, expected: 0 }
  expected.data.forEach((wanted, i) => {
    const got = actual?.data[i] ?? NaN
    if (Object.is(got, wanted) || got === wanted) return
    const difference = Math.abs(got - wanted) / Math.max(1, Math.abs(wanted))
    if (!(difference <= worst.difference)) worst = { at: i, difference, actual: got, expected: wanted }
  })
  expect(worst, 'the element that differs most').toMatchObject({ at: -1 })
}
