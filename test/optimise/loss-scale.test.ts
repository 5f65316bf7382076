import { expect, it } from 'vitest'
import { LossScale } from '../../runtime/optimise/loss-scale.js'

const after = (scaler: LossScale, steps: number, skipped = false) => {
  for (let i = 0; i < steps; i++) scaler.update(skipped)
  return scaler.scale
}

it('is halved by an overflow and doubled after 2000 steps without', () => {
  const scaler = new LossScale()
  expect(scaler.scale).toBe(65536)
  expect(after(scaler, 1, true)).toBe(32768)
  expect(after(scaler, 1999)).toBe(32768)
  expect(after(scaler, 1)).toBe(65536)
  expect(after(scaler, 1999)).toBe(65536)
  expect(after(scaler, 1, true)).toBe(32768)
  expect(after(scaler, 1999)).toBe(32768)
})

it('goes on from a checkpoint', () => {
  const first = new LossScale()
  after(first, 1500)
  const second = new LossScale(JSON.parse(JSON.stringify(first.state)) as typeof first.state)
  expect(after(second, 499)).toBe(65536)
  expect(after(second, 1)).toBe(131072)
})

it('stays within float32', () => {
  const scaler = new LossScale({ scale: 2 ** 127, steady: 1999 })
  expect(after(scaler, 1)).toBe(2 ** 127)
  expect(scaler.state).toEqual({ scale: 2 ** 127, steady: 0 })
})
