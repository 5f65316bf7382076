import { describe, expect, test } from 'vitest'
import { fillNormal, fillUniform, philox4x32 } from '../../runtime/random/philox.js'

const block = (...words: readonly [number, number, number, number, number, number]) => {
  const out = new Uint32Array(4)
  philox4x32(out, 0, ...words)
  return [...out].map((word) => word.toString(16).padStart(8, '0')).join(' ')
}
const draw = (fill: typeof fillUniform, count: number, stream: { seed: number; name: string }, first = 0) => {
  const out = new Float32Array(count)
  fill(out, stream, 1, first)
  return out
}

test('known answers of Random123 (kat_vectors, philox4x32 of 10 rounds)', () => {
  expect(block(0, 0, 0, 0, 0, 0)).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8')
  const ones = 0xffffffff
  expect(block(ones, ones, ones, ones, ones, ones)).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd')
  expect(block(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0)).toBe(
    'd16cfe09 94fdcceb 5001e420 24126ea1',
  )
})

describe.each([
  ['uniform', fillUniform, 1 / Math.sqrt(3)],
  ['normal', fillNormal, 1],
] as const)('%s', (_, fill, deviation) => {
  const stream = { seed: 7, name: 'noise' }
  const all = draw(fill, 200_000, stream)

  test('mean, deviation, correlation of neighbours', () => {
    const mean = all.reduce((sum, value) => sum + value, 0) / all.length
    const square = all.reduce((sum, value) => sum + value * value, 0) / all.length
    const product = all.reduce((sum, value, i) => sum + value * (all[i + 1] ?? 0), 0) / all.length
    expect(Math.abs(mean)).toBeLessThan(0.01)
    expect(Math.sqrt(square) / deviation).toBeCloseTo(1, 2)
    expect(Math.abs(product)).toBeLessThan(0.01)
  })

  test('any part is drawn alike, wherever it begins and ends', () => {
    for (const [first, count] of [
      [0, 3],
      [1, 1],
      [2, 9],
      [1023, 4],
      [4096, 5000],
    ] as const) {
      expect(draw(fill, count, stream, first)).toEqual(all.slice(first, first + count))
    }
  })

  test('seeds and names give other numbers, far places too', () => {
    const others = [
      draw(fill, 8, { seed: 8, name: 'noise' }),
      draw(fill, 8, { seed: 7 + 2 ** 32, name: 'noise' }),
      draw(fill, 8, { seed: 7, name: 'nois' }),
      draw(fill, 8, stream, 2 ** 34),
    ]
    const seen = new Set([...others, all.slice(0, 8)].map(String))
    expect(seen.size).toBe(5)
  })
})

test('the numbers never change', () => {
  expect([...draw(fillUniform, 5, { seed: 1, name: 'a' })]).toMatchSnapshot()
  expect([...draw(fillNormal, 5, { seed: 1, name: 'a' })]).toMatchSnapshot()
})

test('the distribution of normal numbers', () => {
  const values = draw(fillNormal, 400_000, { seed: 3, name: 'tails' })
  const below = (limit: number) => values.filter((value) => value < limit).length / values.length
  expect(below(-1)).toBeCloseTo(0.158655, 2)
  expect(below(0)).toBeCloseTo(0.5, 2)
  expect(below(2)).toBeCloseTo(0.97725, 2)
  expect(values.every(Number.isFinite)).toBe(true)
})

test('a seed is a whole number', () => {
  for (const seed of [-1, 0.5, NaN, 2 ** 53])
    expect(() => draw(fillUniform, 1, { seed, name: 'a' })).toThrow(RangeError)
})
