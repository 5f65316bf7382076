/** A mixture of Gaussians in the plane: a process whose denoiser and flow are known exactly. */
import type { Diffusion } from '../../compiler/check/model.js'

export interface Point {
  readonly x: number
  readonly y: number
}

const centres: readonly Point[] = [
  { x: -0.6, y: -0.3 },
  { x: 0.5, y: 0.4 },
  { x: 0.1, y: -0.7 },
]
const deviation = 0.15

/** E[x0 | x] where x = alpha x0 + sigma noise. */
export function denoise({ x, y }: Point, alpha: number, sigma: number): Point {
  const variance = (alpha * deviation) ** 2 + sigma ** 2
  const logs = centres.map((centre) => -((x - alpha * centre.x) ** 2 + (y - alpha * centre.y) ** 2) / (2 * variance))
  const largest = Math.max(...logs)
  const weights = logs.map((log) => Math.exp(log - largest))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const pull = (alpha * deviation ** 2) / variance
  let [meanX, meanY] = [0, 0]
  centres.forEach((centre, k) => {
    const share = (weights[k] ?? 0) / total
    meanX += share * (centre.x + pull * (x - alpha * centre.x))
    meanY += share * (centre.y + pull * (y - alpha * centre.y))
  })
  return { x: meanX, y: meanY }
}

/** The x0-predicting process of the mixture; many steps, so that solvers may choose theirs freely. */
export const diffusion: Diffusion = {
  steps: 100_000,
  schedule: { kind: 'cosine', from: 5, to: -5 },
  shifted: false,
  power: 1,
  shift: 1,
  signalScale: 1,
  predict: 'x0',
  measure: 'x0',
  highestOnly: false,
  weights: [],
  weighting: { kind: 'none' },
  mix: [],
  outputScale: 0,
  randomInterpolation: false,
  frameChoice: 'first',
}
