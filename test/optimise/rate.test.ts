import { describe, expect, it } from 'vitest'
import { learningRate } from '../../runtime/optimise/rate.js'
import { phase, plain } from './support.js'

const rates = (
  count: number,
  settings: Partial<typeof plain>,
  of: { steps: number; rate: number | undefined } = phase,
) => Array.from({ length: count }, (_, step) => learningRate(step, { ...plain, ...settings }, of))

it('is the rate without a warm-up', () => {
  expect(rates(3, { rate: 0.5 })).toEqual([0.5, 0.5, 0.5])
})

it('rises as the reference implementation has it', () => {
  expect(rates(6, { rate: 1, warmup: 4 })).toEqual([0.25, 0.25, 0.5, 0.75, 1, 1])
})

it('is that of the case train-nested', () => {
  expect(rates(4, { rate: 0.001, warmup: 2 })).toEqual([0.0005, 0.0005, 0.001, 0.001])
})

it('is that of the phase where it has one', () => {
  expect(rates(2, { rate: 1, warmup: 2 }, { steps: 9, rate: 0.5 })).toEqual([0.25, 0.25])
})

describe('falling along a cosine', () => {
  it('begins behind the warm-up and ends with the phase', () => {
    const all = rates(13, { rate: 1, warmup: 2, decay: 'cosine' }, { steps: 10, rate: undefined })
    expect(all.slice(0, 3)).toEqual([0.5, 0.5, 1])
    expect(all[6]).toBeCloseTo(0.5, 12)
    expect(all.slice(10)).toEqual([0, 0, 0])
    for (let i = 3; i < 11; i++) expect(all[i]).toBeLessThan(all[i - 1] ?? NaN)
  })

  it('has no room in a phase of nothing but warm-up', () => {
    expect(rates(4, { rate: 1, warmup: 4, decay: 'cosine' }, { steps: 4, rate: undefined })).toEqual([
      0.25, 0.25, 0.5, 0.75,
    ])
  })
})
