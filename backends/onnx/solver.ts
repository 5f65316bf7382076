/**
 * The solver's numbers for any count of steps, computed inside an ONNX graph from the schedules: what `solverSteps`
 * computes when the count is known. In float64 throughout, because 1 - gamma loses its digits in float32 near gamma 1.
 */
import { coefficientNames, type Coefficients } from '../../compiler/build/solver.js'
import { schedulesOf, type Spacing } from '../../compiler/build/schedule.js'
import type { Model, Prediction, Sampling } from '../../compiler/check/model.js'
import type { Emitter, Operand } from './emitter.js'
import { reduce } from './lowerings/normalisation.js'

export interface SolverTables {
  /** How many steps there are: int64. */
  readonly count: Operand
  /** What the network embeds as time, by step: [steps] float32. */
  readonly times: Operand
  /** [steps, resolutions, 6] float32, in the order of `coefficientNames`. */
  readonly coefficients: Operand
}

/** Whether a method adds noise in its steps. */
export function drawsNoise({ method, eta }: Pick<Sampling, 'method' | 'eta'>): boolean {
  return method === 'ddpm' || (method === 'ddim' && eta > 0)
}

/** Whether a method looks at the clean image of the step before. */
export function looksBack({ method }: Pick<Sampling, 'method'>): boolean {
  return method === 'dpm'
}

/** Writes the tables for `asked` steps, an int64; for 1 or as many as the schedule has where fewer or more are asked for. */
export function solverTables(g: Emitter, model: Model, asked: Operand): SolverTables {
  const m = new Arithmetic(g)
  const integer = (value: number) => g.constant({ shape: [], data: Float64Array.of(value) })
  const all = model.diffusion.steps
  const count = g.node('Min', [g.node('Max', [asked, integer(1)]), integer(all)])
  const left = g.cast(g.node('Range', [count, integer(-1), integer(-1)]), 'float64')
  const schedules = schedulesOf(model)
  const smallest = schedules.at(-1) ?? new Float32Array()
  const places = timesteps(m, smallest, model.sampling.spacing, left, g.cast(count, 'float64'))

  const table = Array.from({ length: all + 1 }, (_, i) => schedules.map((gamma) => gamma[i] ?? 1))
  const stored = g.doubles([all + 1, schedules.length], table.flat())
  const gammas = g.node('Gather', [stored, g.cast(places, 'int64')], { axis: 0 })
  // Before the first step stands a clean image: infinitely far in log-SNR, it makes that step one of first order.
  const clean = g.doubles(
    [1, schedules.length],
    Array.from(schedules, () => 1),
  )
  const levels: Levels = {
    gamma: m.rows(gammas, 0, -1),
    next: m.rows(gammas, 1),
    previous: m.join(clean, m.rows(gammas, 0, -2)),
  }
  const numbers = { ...cleanFrom(m, model.diffusion.predict, levels), ...advance(m, model.sampling, levels) }
  const columns = coefficientNames.map((name) => g.node('Unsqueeze', [numbers[name], g.integers([2])]))
  return {
    count,
    times: g.cast(m.sub(m.rows(places, 0, -1), 1), 'float32'),
    coefficients: g.cast(g.node('Concat', columns, { axis: 2 }), 'float32'),
  }
}

/** Places in the schedule, from noisy to clean (see `timesteps`). `left`: steps still to go, from `count` down to 0. */
function timesteps(m: Arithmetic, gamma: Float32Array, spacing: Spacing, left: Operand, count: Operand): Operand {
  const all = gamma.length - 1
  if (spacing === 'even') return m.roundHalfEven(m.mul(left, m.div(all + 1, m.add(count, 1))))
  if (spacing === 'log_snr') return evenLogSnr(m, gamma, left, count)
  const share = m.div(left, count)
  return m.floor(m.add(m.mul(all, m.mul(share, share)), 0.5))
}

/**
 * The places nearest to log-SNRs that are evenly spaced, then 0. Where several steps would come to one place, the later
 * ones move on by one each: place + number of the step falls, and not below `count`, so that all that follow find room.
 */
function evenLogSnr(m: Arithmetic, gamma: Float32Array, left: Operand, count: Operand): Operand {
  const logSnrs = Array.from(gamma.subarray(1), (value) => Math.log(value / (1 - value)))
  const [clean, noisy] = [logSnrs[0] ?? 0, logSnrs.at(-1) ?? 0]
  const number = m.sub(count, m.rows(left, 0, -1))
  const wanted = m.add(m.div(m.mul(number, clean - noisy), m.max(m.sub(count, 1), 1)), noisy)
  const nearest = m.add(m.smallestAt(m.abs(m.sub(m.column(wanted), m.row(logSnrs)))), 1)
  const falling = m.smallestUpTo(m.max(m.add(nearest, number), count), number)
  return m.join(m.sub(falling, number), m.row([0]))
}

/** gamma of all steps: [steps, resolutions]. */
interface Levels {
  readonly gamma: Operand
  readonly next: Operand
  readonly previous: Operand
}

type Numbers = Readonly<Record<keyof Coefficients, Operand>>
type Advance = Omit<Numbers, 'x0FromX' | 'x0FromPrediction'>

/** The clean image from the noisy one and the prediction. */
function cleanFrom(m: Arithmetic, predict: Prediction, { gamma }: Levels): Omit<Numbers, keyof Advance> {
  const [alpha, sigma] = [m.sqrt(gamma), m.sqrt(m.sub(1, gamma))]
  if (predict === 'x0') return { x0FromX: m.mul(gamma, 0), x0FromPrediction: m.add(m.mul(gamma, 0), 1) }
  return predict === 'v'
    ? { x0FromX: alpha, x0FromPrediction: m.sub(0, sigma) }
    : { x0FromX: m.div(1, alpha), x0FromPrediction: m.sub(0, m.div(sigma, alpha)) }
}

function advance(m: Arithmetic, { method, eta }: Sampling, levels: Levels): Advance {
  if (method === 'ddpm') return ancestral(m, levels)
  return method === 'ddim' ? implicit(m, levels, eta) : multistep(m, levels)
}

/** Ho et al. 2020, eq. 7. */
function ancestral(m: Arithmetic, { gamma, next }: Levels): Advance {
  const alpha = m.div(gamma, next)
  const [beta, rest, restNext] = [m.sub(1, alpha), m.sub(1, gamma), m.sub(1, next)]
  return {
    fromX: m.div(m.mul(m.sqrt(alpha), restNext), rest),
    fromX0: m.div(m.mul(beta, m.sqrt(next)), rest),
    fromPrevious: m.mul(gamma, 0),
    fromNoise: m.sqrt(m.div(m.mul(beta, restNext), rest)),
  }
}

/** Song et al. 2021, eq. 12 and 16. */
function implicit(m: Arithmetic, { gamma, next }: Levels, eta: number): Advance {
  const [beta, rest, restNext] = [m.sub(1, m.div(gamma, next)), m.sub(1, gamma), m.sub(1, next)]
  const variance = m.div(m.mul(m.mul(beta, eta ** 2), restNext), rest)
  const fromX = m.div(m.sqrt(m.max(m.sub(restNext, variance), 0)), m.sqrt(rest))
  return {
    fromX,
    fromX0: m.sub(m.sqrt(next), m.mul(fromX, m.sqrt(gamma))),
    fromPrevious: m.mul(gamma, 0),
    fromNoise: m.sqrt(variance),
  }
}

/** Lu et al. 2022, algorithm 2; the first and the last step are of first order. */
function multistep(m: Arithmetic, { gamma, next, previous }: Levels): Advance {
  const halfLogSnr = (value: Operand) => m.mul(m.sub(m.log(value), m.log(m.sub(1, value))), 0.5)
  const fromX = m.div(m.sqrt(m.sub(1, next)), m.sqrt(m.sub(1, gamma)))
  const whole = m.sub(m.sqrt(next), m.mul(fromX, m.sqrt(gamma)))
  const step = m.sub(halfLogSnr(next), halfLogSnr(gamma))
  const before = m.sub(halfLogSnr(gamma), halfLogSnr(previous))
  const part = m.where(m.equal(next, 1), 0, m.div(step, m.mul(before, 2)))
  const fromPrevious = m.sub(0, m.mul(whole, part))
  return { fromX, fromX0: m.sub(whole, fromPrevious), fromPrevious, fromNoise: m.mul(gamma, 0) }
}

/** Elementwise arithmetic in float64. */
class Arithmetic {
  constructor(private readonly g: Emitter) {}

  readonly add = this.#binary('Add')
  readonly sub = this.#binary('Sub')
  readonly mul = this.#binary('Mul')
  readonly div = this.#binary('Div')
  readonly max = this.#binary('Max')

  sqrt(x: Operand): Operand {
    return this.g.node('Sqrt', [x])
  }

  abs(x: Operand): Operand {
    return this.g.node('Abs', [x])
  }

  log(x: Operand): Operand {
    return this.g.node('Log', [x])
  }

  floor(x: Operand): Operand {
    return this.g.node('Floor', [x])
  }

  /** As ONNX defines it. */
  roundHalfEven(x: Operand): Operand {
    return this.g.node('Round', [x])
  }

  equal(a: Operand, b: number): Operand {
    return this.g.node('Equal', [a, this.#operand(b)], {}, 'bool')
  }

  where(condition: Operand, a: number, b: Operand): Operand {
    return this.g.node('Where', [condition, this.#operand(a), b], {}, 'float64')
  }

  /** A list as a matrix of one column. */
  column(x: Operand): Operand {
    return this.g.node('Unsqueeze', [x, this.g.integers([1])])
  }

  /** Known numbers as a list. */
  row(values: readonly number[]): Operand {
    return this.g.doubles([values.length], values)
  }

  join(a: Operand, b: Operand): Operand {
    return this.g.node('Concat', [a, b], { axis: 0 })
  }

  /** For each row of a matrix, the place of its smallest number, the first where there are several. */
  smallestAt(x: Operand): Operand {
    return this.g.cast(this.g.node('ArgMin', [x], { axis: 1, keepdims: 0 }, 'int64'), 'float64')
  }

  /** For each number of a list, the smallest of those from the first up to it. `number` counts them. */
  smallestUpTo(x: Operand, number: Operand): Operand {
    const { g } = this
    const later = g.node('Less', [this.column(number), number], {}, 'bool')
    return reduce(
      g,
      'ReduceMin',
      g.node('Where', [later, this.#operand(Number.MAX_SAFE_INTEGER), x], {}, 'float64'),
      [1],
      false,
    )
  }

  /** Rows from `start` to before `end`; a negative end counts from the last. */
  rows(x: Operand, start: number, end = Number.MAX_SAFE_INTEGER): Operand {
    const { g } = this
    return g.node('Slice', [x, g.integers([start]), g.integers([end]), g.integers([0])])
  }

  #operand(value: Operand | number): Operand {
    return typeof value === 'number' ? this.g.doubles([], [value]) : value
  }

  #binary(opType: string) {
    return (a: Operand | number, b: Operand | number) => this.g.node(opType, [this.#operand(a), this.#operand(b)])
  }
}
