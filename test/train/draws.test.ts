/** What a batch draws: distributions, independence of how the run is cut into batches, mixed batches. */
import { expect, it } from 'vitest'
import { buildLoss } from '../../compiler/build/loss.js'
import { drawDropout } from '../../compiler/passes/draw_dropout.js'
import { processOf } from '../../compiler/build/schedule.js'
import { inputTypes } from '../../compiler/ir/graph.js'
import { drawDropped, drawsFor } from '../../runtime/train/draws.js'
import { modelOf, noReport } from '../shipped.js'

const model = modelOf('examples/nested.mdm')
const graph = drawDropout.run(buildLoss({ ...model, dropout: 0.1 }, noReport))
const at = (first: number, rows: number) => ({ seed: 5, purpose: 'train:0', first, rows })
const draws = (first: number, rows: number) => drawsFor(inputTypes(graph), processOf(model), at(first, rows), 3)

it('gives every random input of the graph its shape', () => {
  const given = draws(0, 4)
  const random = graph.inputs.map(({ name }) => name).filter((name) => /^(times|noise_|dropout\.)/.test(name))
  expect(Object.keys(given).sort()).toEqual(random.sort())
  expect(given.noise_32?.shape).toEqual([4, 3, 32, 32])
  expect(given.noise_16?.shape).toEqual([4, 3, 16, 16])
})

it('draws for an example whatever batch it is in', () => {
  const [whole, first, second] = [draws(8, 4), draws(8, 2), draws(10, 2)]
  for (const name of Object.keys(whole)) {
    const [all, ...parts] = [whole, first, second].map((given) => Array.from(given[name]?.data ?? []))
    expect(parts.flat(), name).toEqual(all)
  }
  expect(drawDropped(at(8, 4), 0.5)).toEqual([...drawDropped(at(8, 2), 0.5), ...drawDropped(at(10, 2), 0.5)])
})

it('draws steps uniformly, noise normally and conditions at their rate', () => {
  const times = Array.from(draws(0, 64).times?.data ?? [])
  expect(Math.min(...times)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...times)).toBeLessThan(1000)
  expect(times.every(Number.isInteger)).toBe(true)
  // Of 64 uniform numbers from 0 to 999, the mean has a deviation of 36.
  expect(Math.abs(times.reduce((a, b) => a + b) / 64 - 499.5)).toBeLessThan(150)
  const noise = Array.from(draws(0, 16).noise_16?.data ?? [])
  const mean = noise.reduce((a, b) => a + b) / noise.length
  const square = noise.reduce((a, b) => a + b * b) / noise.length
  expect(Math.abs(mean)).toBeLessThan(0.03)
  expect(Math.abs(square - 1)).toBeLessThan(0.05)
  const dropped = drawDropped(at(0, 10_000), 0.1).filter(Boolean).length
  expect(Math.abs(dropped - 1000)).toBeLessThan(150)
})

it('draws other numbers for other purposes, seeds and resolutions', () => {
  const other = drawsFor(inputTypes(graph), processOf(model), { ...at(0, 2), purpose: 'train:1' }, 3)
  expect(other.noise_16?.data).not.toEqual(draws(0, 2).noise_16?.data)
  expect(draws(0, 2).noise_16?.data.slice(0, 10)).not.toEqual(draws(0, 2).noise_32?.data.slice(0, 10))
})

it('gives high resolutions of a mixed batch only its first rows', () => {
  const mixed = { ...model, diffusion: { ...model.diffusion, mix: [2, 1] } }
  const given = drawsFor(inputTypes(buildLoss(mixed, noReport)), processOf(mixed), at(0, 6), 3)
  expect([given.noise_32?.shape[0], given.noise_16?.shape[0], given.times?.shape[0]]).toEqual([4, 6, 6])
})
