/** Solvers against a process whose flow is known: order of convergence, and what it buys. */
import { expect, test } from 'vitest'
import { schedulesOf, timesteps } from '../../compiler/build/schedule.js'
import { solverSteps } from '../../compiler/build/solver.js'
import type { Sampling } from '../../compiler/check/model.js'
import { modelOf } from './models.js'
import { denoise, diffusion, type Point } from './mixture.js'

const model = { ...modelOf('model M { level 8 { channels 32  blocks 1 } }'), diffusion }
const [gamma = new Float32Array()] = schedulesOf(model)
const starts = Array.from({ length: 24 }, (_, i): Point => ({ x: 1.5 * Math.cos(0.9 * i), y: 1.5 * Math.sin(1.7 * i) }))

/** Where the starting points end up. */
function solve(method: Sampling['method'], steps: number, spacing: Sampling['spacing'] = 'log_snr'): Point[] {
  const plan = solverSteps(model, { method, steps, eta: 0, spacing })
  return starts.map((start) => {
    let point = start
    let before = start
    for (const { from, coefficients } of plan) {
      const [c] = coefficients
      if (c === undefined) continue
      const level = gamma[from] ?? 1
      const clean = denoise(point, Math.sqrt(level), Math.sqrt(1 - level))
      const next = (key: 'x' | 'y') => c.fromX * point[key] + c.fromX0 * clean[key] + c.fromPrevious * before[key]
      point = { x: next('x'), y: next('y') }
      before = clean
    }
    return point
  })
}

const exact = solve('dpm', 20_000)

function error(points: readonly Point[]): number {
  const squares = points.map(({ x, y }, i) => (x - (exact[i]?.x ?? 0)) ** 2 + (y - (exact[i]?.y ?? 0)) ** 2)
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / points.length)
}

test('two solvers agree on the flow where their steps are fine', () => {
  expect(error(solve('ddim', 50_000))).toBeLessThan(3e-5)
})

test('DPM-Solver++ (2M) converges with second order, DDIM with first', () => {
  const order = (method: Sampling['method']) => Math.log2(error(solve(method, 80)) / error(solve(method, 160)))
  expect(order('dpm')).toBeCloseTo(2, 1)
  expect(order('ddim')).toBeCloseTo(1, 1)
})

test('DPM-Solver++ at 25 steps is nearer to the exact flow than DDIM at 100, however DDIM spaces them', () => {
  const dpm = error(solve('dpm', 25))
  expect(dpm).toBeLessThan(error(solve('ddim', 100, 'log_snr')))
  expect(dpm).toBeLessThan(error(solve('ddim', 100, 'even')))
})

test('DDIM with eta 1 has the variance of ancestral sampling', () => {
  const settings = { steps: 7, spacing: 'even' } as const
  const implicit = solverSteps(model, { ...settings, method: 'ddim', eta: 1 })
  const ancestral = solverSteps(model, { ...settings, method: 'ddpm', eta: 0 })
  implicit.forEach(({ coefficients: [c] }, i) => {
    const [a] = ancestral[i]?.coefficients ?? []
    expect(c?.fromNoise).toBeCloseTo(a?.fromNoise ?? NaN, 10)
    expect(c?.fromX).toBeCloseTo(a?.fromX ?? NaN, 6)
  })
})

test('every spacing takes each step once and ends at 0', () => {
  for (const spacing of ['even', 'quadratic', 'log_snr'] as const) {
    for (const count of [1, 2, 10, 250]) {
      const places = timesteps(gamma, count, spacing)
      expect(places).toHaveLength(count + 1)
      expect(places.at(-1)).toBe(0)
      expect(places.every((place, i) => i === 0 || place < (places[i - 1] ?? 0))).toBe(true)
    }
  }
})

test('as many steps as the schedule has take every one of them, evenly in log-SNR too', () => {
  const short = gamma.filter((_, i) => i % 1000 === 0)
  expect(timesteps(short, short.length - 1, 'log_snr')).toEqual(Array.from(short, (_, i) => short.length - 1 - i))
})
