/** One step of sampling as a graph: the network, guidance, the limit on the clean image, and the solver. */
import type { Model, Sampling } from '../check/model.js'
import { InternalError } from '../diagnostics/internal.js'
import type { Report } from '../diagnostics/diagnostic.js'
import { GraphBuilder } from '../ir/builder.js'
import { multiply, product, symbol } from '../ir/dimension.js'
import type { Graph, NamedValue, Value } from '../ir/graph.js'
import type { Builder } from '../ops/index.js'
import { conditionInputs, imageInput, microInputs } from './denoiser.js'
import { addNest, resolutionName } from './nest.js'
import { processOf, signalScales, type Process } from './schedule.js'
import { coefficientNames } from './solver.js'

export interface SamplerOptions {
  readonly threshold: Sampling['threshold']
  /** Whether conditions come twice, unconditional rows first, and predictions are extrapolated from one to the other. */
  readonly guided: boolean
}

/**
 * Builds a step. Inputs: `x_R`, `previous_R` (the clean image of the step before) and `noise_R` for each resolution R,
 * `coefficients` [resolutions, 6] (see solver.ts), `guidance`, a number, where guided, then `times` [batch] and the
 * conditions ([2 batch] where guided). Outputs: `next_R` and `x0_R`.
 */
export function buildSamplerStep(model: Model, report: Report, options: SamplerOptions): Graph {
  const graph = new GraphBuilder(`${model.name}_step`)
  const { b } = graph
  const batch = symbol('batch')
  const rows = options.guided ? multiply(2, batch) : batch
  const state = stateInputs(graph, processOf(model), options)
  const times = graph.input('times', { dataType: 'float32', shape: [batch] })
  const condition = conditionInputs(graph, model.condition, rows)
  const micros = microInputs(graph, model, rows)
  const twice = (value: Value) => (options.guided ? b.concat(value, value, { axis: 0 }) : value)
  const inputs = { images: state.x.map(twice), times: twice(times), condition, micros }
  const { predictions, parameters } = addNest(graph, model, inputs, report)
  return graph.finish(
    advance(
      state,
      predictions.map(({ value }) => value),
      options,
      b,
    ),
    parameters,
  )
}

/**
 * The step without the network, for networks that are compiled already. Inputs: as buildSamplerStep, with the
 * predictions `pred_R` ([2 batch] where guided) in place of times and conditions.
 */
export function buildSolverStep(process: Process, options: SamplerOptions): Graph {
  const graph = new GraphBuilder('solver_step')
  const batch = symbol('batch')
  const state = stateInputs(graph, process, options)
  const rows = options.guided ? multiply(2, batch) : batch
  const predictions = process.resolutions.map((resolution) => imageInput(graph, 'pred', resolution, rows))
  return graph.finish(advance(state, predictions, options, graph.b), [])
}

interface State {
  readonly process: Process
  /** Per resolution, highest first. */
  readonly x: readonly Value[]
  readonly previous: readonly Value[]
  readonly noise: readonly Value[]
  readonly coefficients: Value
  readonly guidance: Value | undefined
}

function stateInputs(graph: GraphBuilder, process: Process, { guided }: SamplerOptions): State {
  const { resolutions } = process
  const images = (what: string) => resolutions.map((resolution) => imageInput(graph, what, resolution, symbol('batch')))
  return {
    process,
    x: images('x'),
    previous: images('previous'),
    noise: images('noise'),
    coefficients: graph.input('coefficients', {
      dataType: 'float32',
      shape: [resolutions.length, coefficientNames.length],
    }),
    guidance: guided ? graph.input('guidance', { dataType: 'float32', shape: [] }) : undefined,
  }
}

/** From predictions to the next images. */
function advance(state: State, predictions: readonly Value[], { threshold }: SamplerOptions, b: Builder): NamedValue[] {
  const scales = signalScales(state.process)
  return state.process.resolutions.flatMap((resolution, r): NamedValue[] => {
    const [predicted, now, before, drawn] = [predictions[r], state.x[r], state.previous[r], state.noise[r]]
    if (!predicted || !now || !before || !drawn) throw new InternalError('a resolution without a prediction')
    const prediction = state.guidance ? extrapolate(predicted, state.guidance, b) : predicted
    const row = b.slice(state.coefficients, { axis: 0, start: r, end: r + 1 })
    const [fromX, fromPrediction, a, c, p, n] = coefficientNames.map((_, i) =>
      b.reshape(b.slice(row, { axis: 1, start: i, end: i + 1 }), { shape: [] }),
    )
    if (!fromX || !fromPrediction || !a || !c || !p || !n) throw new InternalError('a step without coefficients')
    const x0 = limited(b.add(b.mul(now, fromX), b.mul(prediction, fromPrediction)), threshold, scales[r] ?? 1, b)
    const next = b.add(b.add(b.mul(now, a), b.mul(x0, c)), b.add(b.mul(before, p), b.mul(drawn, n)))
    const name = resolutionName(resolution)
    return [
      { name: `next_${name}`, value: next },
      { name: `x0_${name}`, value: x0 },
    ]
  })
}

/** Classifier-free guidance (Ho & Salimans 2022, eq. 6, with w counted from 1): unconditional + w (conditional - unconditional). */
function extrapolate(both: Value, weight: Value, b: Builder): Value {
  const batch = symbol('batch')
  const rest = both.type.shape.slice(1)
  const halves = b.reshape(both, { shape: [2, batch, ...rest] })
  const half = (at: number) =>
    b.reshape(b.slice(halves, { axis: 0, start: at, end: at + 1 }), { shape: [batch, ...rest] })
  const [unconditional, conditional] = [half(0), half(1)]
  return b.add(unconditional, b.mul(weight, b.sub(conditional, unconditional)))
}

/** Keeps the clean image within what images can be; `scale` is what its signal was divided by. */
function limited(x0: Value, threshold: Sampling['threshold'], scale: number, b: Builder): Value {
  if (threshold.kind === 'none') return x0
  const whole = scale === 1 ? x0 : b.mul(x0, scale)
  const result =
    threshold.kind === 'fixed'
      ? b.minimum(b.maximum(whole, -1), 1)
      : dynamic(whole, threshold.quantile, threshold.limit, b)
  return scale === 1 ? result : b.div(result, scale)
}

/** Dynamic thresholding (Saharia et al. 2022, section 2.3): cut at a quantile of each image, between 1 and `limit`, and divided by it. */
function dynamic(x0: Value, q: number, limit: number, b: Builder): Value {
  const [batch = 1, ...rest] = x0.type.shape
  const flat = b.reshape(x0, { shape: [batch, product(rest)] })
  const bound = b.minimum(b.maximum(b.quantile(b.abs(flat), { q }), 1), limit)
  const cut = b.div(b.maximum(b.minimum(flat, bound), b.negate(bound)), bound)
  return b.reshape(cut, { shape: x0.type.shape })
}
