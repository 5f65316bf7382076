/**
 * Solvers of the reverse process as numbers: whatever the method, a step computes
 *
 *     x0   = limit(x0FromX x + x0FromPrediction prediction)
 *     next = fromX x + fromX0 x0 + fromPrevious (x0 of the step before) + fromNoise noise
 *
 * so one graph serves all methods, schedules and numbers of steps.
 */
import type { Model, Prediction, Sampling } from '../check/model.js'
import { schedulesOf, timesteps, type Process } from './schedule.js'

/** The coefficients of one step at one resolution, in the order in which graphs take them. */
export interface Coefficients {
  readonly x0FromX: number
  readonly x0FromPrediction: number
  readonly fromX: number
  readonly fromX0: number
  readonly fromPrevious: number
  readonly fromNoise: number
}

export const coefficientNames = [
  'x0FromX',
  'x0FromPrediction',
  'fromX',
  'fromX0',
  'fromPrevious',
  'fromNoise',
] as const satisfies readonly (keyof Coefficients)[]

export interface SolverStep {
  /** Index of the schedule before and after the step. */
  readonly from: number
  readonly to: number
  /** What the network embeds as time. */
  readonly time: number
  /** Highest resolution first. */
  readonly coefficients: readonly Coefficients[]
}

/** The steps of sampling, from noise to image. */
export function solverSteps(
  source: Model | Process,
  { method, steps, eta, spacing }: Pick<Sampling, 'method' | 'steps' | 'eta' | 'spacing'>,
): SolverStep[] {
  const schedules = schedulesOf(source)
  // The shift of a resolution adds a constant to its log-SNR, so the lowest one's spacing is every one's.
  const places = timesteps(schedules.at(-1) ?? new Float32Array(), steps, spacing)
  return places.slice(0, -1).map((from, i): SolverStep => {
    const to = places[i + 1] ?? 0
    const before = places[i - 1]
    const coefficients = schedules.map((gamma) => {
      const at = (place: number) => gamma[place] ?? 1
      const levels = { gamma: at(from), next: at(to), previous: before === undefined ? undefined : at(before) }
      return { ...cleanFrom(source.diffusion.predict, levels.gamma), ...advance(method, levels, eta) }
    })
    return { from, to, time: from - 1, coefficients }
  })
}

/** The clean image from the noisy one and the prediction. */
function cleanFrom(predict: Prediction, gamma: number): Pick<Coefficients, 'x0FromX' | 'x0FromPrediction'> {
  const [alpha, sigma] = [Math.sqrt(gamma), Math.sqrt(1 - gamma)]
  if (predict === 'x0') return { x0FromX: 0, x0FromPrediction: 1 }
  return predict === 'v'
    ? { x0FromX: alpha, x0FromPrediction: -sigma }
    : { x0FromX: 1 / alpha, x0FromPrediction: -sigma / alpha }
}

interface Levels {
  readonly gamma: number
  readonly next: number
  /** gamma of the step before; undefined in the first step. */
  readonly previous: number | undefined
}

type Advance = Omit<Coefficients, 'x0FromX' | 'x0FromPrediction'>

function advance(method: Sampling['method'], levels: Levels, eta: number): Advance {
  if (method === 'ddpm') return ancestral(levels)
  return method === 'ddim' ? implicit(levels, eta) : multistep(levels)
}

/** Ancestral sampling with the posterior's mean and variance (Ho et al. 2020, eq. 7). */
function ancestral({ gamma, next }: Levels): Advance {
  const alpha = gamma / next
  const beta = 1 - alpha
  return {
    fromX: (Math.sqrt(alpha) * (1 - next)) / (1 - gamma),
    fromX0: (beta * Math.sqrt(next)) / (1 - gamma),
    fromPrevious: 0,
    fromNoise: Math.sqrt((beta * (1 - next)) / (1 - gamma)),
  }
}

/** DDIM; eta 1 has the ancestral variance, 0 none (Song et al. 2021, eq. 12 and 16). */
function implicit({ gamma, next }: Levels, eta: number): Advance {
  const variance = (eta ** 2 * (1 - gamma / next) * (1 - next)) / (1 - gamma)
  const fromX = Math.sqrt(Math.max(0, 1 - next - variance)) / Math.sqrt(1 - gamma)
  return { fromX, fromX0: Math.sqrt(next) - fromX * Math.sqrt(gamma), fromPrevious: 0, fromNoise: Math.sqrt(variance) }
}

/**
 * DPM-Solver++ (2M): second order in the half log-SNR, from this clean image and the one before (Lu et al. 2022,
 * algorithm 2). The first step has none before it, and the last ends at infinite SNR: both are of first order.
 */
function multistep({ gamma, next, previous }: Levels): Advance {
  const halfLogSnr = (g: number) => 0.5 * (Math.log(g) - Math.log1p(-g))
  const fromX = Math.sqrt(1 - next) / Math.sqrt(1 - gamma)
  // alpha (1 - e^-h), written so that it stays exact as SNR tends to infinity.
  const whole = Math.sqrt(next) - fromX * Math.sqrt(gamma)
  if (previous === undefined || next === 1) return { fromX, fromX0: whole, fromPrevious: 0, fromNoise: 0 }
  const step = halfLogSnr(next) - halfLogSnr(gamma)
  const ratio = (halfLogSnr(gamma) - halfLogSnr(previous)) / step
  return { fromX, fromX0: whole * (1 + 1 / (2 * ratio)), fromPrevious: -whole / (2 * ratio), fromNoise: 0 }
}
