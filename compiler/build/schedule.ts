/** Noise schedules: gamma = alpha^2 at each step, from the clean end (index 0, gamma 1) to the noisy one (index N). */
import type { Diffusion, Model, Schedule } from '../check/model.js'
import { partsOf } from '../check/model.js'

/** gamma[0..steps] of a schedule before any shift, in float64. */
export function gammas(schedule: Schedule, steps: number): Float64Array {
  switch (schedule.kind) {
    case 'cosine':
      return cosine(steps, schedule.from, schedule.to)
    case 'ddpm':
      return fromBetas(Array.from({ length: steps }, (_, i) => linear(schedule.first, schedule.last, i, steps)))
    case 'deepfloyd':
      return fromBetas(
        Array.from({ length: steps }, (_, i) =>
          Math.min(1 - squaredCosine((i + 1) / steps) / squaredCosine(i / steps), 0.999),
        ),
      )
    case 'sigmoid':
      return sigmoid(steps, schedule.from, schedule.to)
    case 'table':
      return Float64Array.from(schedule.gammas)
  }
}

/** The i-th of `count` evenly spaced numbers from `first` to `last`. */
function linear(first: number, last: number, i: number, count: number): number {
  return count === 1 ? first : first + ((last - first) * i) / (count - 1)
}

/** log-SNR along -2 log tan(a t + b), between two bounds (Salimans & Ho 2022, section 2 and appendix). */
function cosine(steps: number, highest: number, lowest: number): Float64Array {
  const b = Math.atan(Math.exp(-0.5 * highest))
  const a = Math.atan(Math.exp(-0.5 * lowest)) - b
  return Float64Array.from({ length: steps + 1 }, (_, i) => {
    if (i === 0) return 1
    const logSnr = -2 * Math.log(Math.tan(a * linear(0, 1, i - 1, steps) + b))
    return 1 / (1 + Math.exp(-logSnr))
  })
}

/** gamma as the product of 1 - beta (Ho et al. 2020, section 2). */
function fromBetas(betas: readonly number[]): Float64Array {
  let logGamma = 0
  const values = betas.map((beta) => {
    logGamma += Math.log(1 - beta)
    return Math.exp(logGamma)
  })
  return Float64Array.from([1, ...values])
}

/** alpha-bar of the squared cosine (Nichol & Dhariwal 2021, eq. 17). */
function squaredCosine(t: number): number {
  return Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2
}

/** A sigmoid brought to run from 1 to (nearly) 0 (Chen 2023, section 2.1, with tau = 1). */
function sigmoid(steps: number, from: number, to: number): Float64Array {
  const value = (x: number) => 1 / (1 + Math.exp(-x))
  const [first, last] = [value(from), value(to)]
  return Float64Array.from({ length: steps + 1 }, (_, i) =>
    Math.max(1e-9, (last - value(from + ((to - from) * i) / steps)) / (last - first)),
  )
}

/** SNR divided by `factor`^`power`, as more pixels need more noise (Hoogeboom et al. 2023, section 3.1). Factors up to 1 shift nothing. */
export function shift(gamma: number, factor: number, power: number): number {
  if (factor <= 1) return gamma
  const snr = gamma / (1 - gamma) / factor ** power
  return 1 / (1 + 1 / snr)
}

/** All that schedules and solvers need of a model; a manifest holds it too. */
export interface Process {
  readonly diffusion: Diffusion
  /** Highest first. */
  readonly resolutions: readonly Pick<Model, 'side' | 'frames' | 'imageChannels'>[]
}

export function processOf(model: Model): Process {
  return { diffusion: model.diffusion, resolutions: partsOf(model) }
}

function asProcess(source: Model | Process): Process {
  return 'resolutions' in source ? source : processOf(source)
}

/** The schedule of each resolution of a nest, highest first: gamma[0..steps], as float32 holds it. */
export function schedulesOf(source: Model | Process): Float32Array[] {
  const { schedule, steps, shifted, power, shift: all } = source.diffusion
  const base = Float32Array.from(gammas(schedule, steps)).map((gamma) => shift(gamma, all, power))
  return scalesOf(source).map((scale) => (shifted ? base.map((gamma) => shift(gamma, scale, power)) : base))
}

/**
 * How much larger each resolution is than the smallest, highest first: the side, or for a video the side of the grid
 * on which the reference implementation lays the frames.
 */
export function scalesOf(source: Model | Process): number[] {
  const grid = asProcess(source).resolutions.map(({ side, frames }) => side * Math.sqrt(frames))
  const smallest = grid.at(-1) ?? 1
  return grid.map((side) => side / smallest)
}

/**
 * What an image is divided by before noise is added. Without a shifted schedule, higher resolutions keep their SNR by
 * having their signal lowered instead (Chen 2023, section 2.2).
 */
export function signalScales(source: Model | Process): number[] {
  const { shifted, signalScale } = source.diffusion
  const scales = scalesOf(source)
  return scales.map((scale) => (shifted || scales.length === 1 ? 1 : scale) * signalScale)
}

/**
 * Weights of the loss by step that make it the variational bound in discrete time (Kingma et al. 2021, eq. 14):
 * SNR(t-1) / SNR(t) - 1, with the first two steps as the third. In float32 arithmetic, as they were published.
 */
export function vdmWeights(gamma: Float32Array): Float32Array {
  const f = Math.fround
  const at = (i: number) => gamma[i] ?? 0
  return gamma.map((_, i) => {
    const step = Math.max(2, i)
    const [g, before] = [at(step), at(step - 1)]
    return f(f(f(f(before * f(1 - g)) / f(1 - before)) / g) - 1)
  })
}

/** Weights by step that keep easy steps from ruling (Hang et al. 2023, section 3.4): min(SNR, limit), relative to what the loss is measured on. */
export function minSnrWeights(gamma: Float32Array, limit: number, measure: Diffusion['measure']): Float32Array {
  return gamma.map((value) => {
    const snr = value / (1 - value)
    const capped = Math.min(snr, limit)
    if (measure === 'x0') return capped
    // At the clean end SNR is infinite; both quotients tend to 0 there.
    if (!Number.isFinite(snr)) return 0
    return measure === 'noise' ? capped / snr : capped / (snr + 1)
  })
}

/** How the steps of sampling are chosen among those of the schedule. */
export type Spacing = 'even' | 'quadratic' | 'log_snr'

/**
 * `count` steps from noisy to clean, with 0 at the end: evenly spaced, denser towards the clean end, or evenly in
 * log-SNR (which suits solvers of higher order; Lu et al. 2022, appendix). `gamma` is the whole schedule.
 */
export function timesteps(gamma: Float32Array, count: number, spacing: Spacing): number[] {
  const all = gamma.length - 1
  if (spacing === 'log_snr') return evenLogSnr(gamma, count)
  return Array.from({ length: count + 1 }, (_, i) => {
    const at = count - i
    return spacing === 'even' ? roundHalfEven(at * ((all + 1) / (count + 1))) : Math.round(all * (at / count) ** 2)
  })
}

/** From the noisy end to step 1 evenly in log-SNR, then to 0. No step is taken twice. */
function evenLogSnr(gamma: Float32Array, count: number): number[] {
  const all = gamma.length - 1
  const logSnr = (step: number) => Math.log((gamma[step] ?? 0) / (1 - (gamma[step] ?? 0)))
  const [noisy, clean] = [logSnr(all), logSnr(1)]
  const places: number[] = []
  let place = all
  for (let i = 0; i < count; i++) {
    const wanted = noisy + ((clean - noisy) * i) / Math.max(1, count - 1)
    while (place > 1 && Math.abs(logSnr(place - 1) - wanted) <= Math.abs(logSnr(place) - wanted)) place--
    const highest = (places.at(-1) ?? all + 1) - 1
    places.push(Math.max(count - i, Math.min(place, highest)))
  }
  return [...places, 0]
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  if (rest !== 0.5) return Math.round(value)
  return below % 2 === 0 ? below : below + 1
}
