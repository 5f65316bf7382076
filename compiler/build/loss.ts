/** The training loss of a nest as one graph: images and draws of noise in, one loss per example out. */
import { InternalError } from '../diagnostics/internal.js'
import type { Model, Prediction } from '../check/model.js'
import { partsOf } from '../check/model.js'
import type { Report } from '../diagnostics/diagnostic.js'
import { cannotTrain } from '../diagnostics/train.js'
import { GraphBuilder } from '../ir/builder.js'
import { symbol, type Dimension } from '../ir/dimension.js'
import type { Graph, NamedValue, Value } from '../ir/graph.js'
import { floats } from '../ir/tensor.js'
import type { Builder } from '../ops/index.js'
import { batchOf, conditionInputs, imageInput, microInputs } from './denoiser.js'
import { addNest, resolutionName } from './nest.js'
import { minSnrWeights, schedulesOf, signalScales, vdmWeights } from './schedule.js'

export interface LossOptions {
  /** Whether high resolutions use only the first rows of the batch (`diffusion { mix ... }`). */
  readonly mixedBatch?: boolean
}

/**
 * Builds the loss. Inputs: `images` (of the highest resolution), `times` (int64 [batch], each 0 .. steps - 1), one draw
 * of noise `noise_RESOLUTION` per resolution, and the denoiser's conditions. Outputs: `losses` [batch] (the sum over
 * resolutions, weighted) and `loss_RESOLUTION` [rows] (unweighted).
 *
 * z_r = alpha_r x_r + sigma_r eps_r, with gamma_r[t + 1] = alpha_r^2 (Gu et al. 2024, eq. 2 and 3). Settings that it is
 * not built for are reported.
 */
export function buildLoss(model: Model, report: Report, options: LossOptions = {}): Graph {
  hasLoss(model, report)
  const graph = new GraphBuilder(`${model.name}_loss`)
  const { b } = graph
  const { diffusion } = model
  const parts = partsOf(model)
  const mixed = (options.mixedBatch ?? false) || diffusion.mix.length > 0
  const batch = symbol('batch')
  const images = graph.input('images', imageType(model, batch))
  const times = graph.input('times', { dataType: 'int64', shape: [batch] })
  const noise = parts.map((part) => imageInput(graph, 'noise', part, batchOf(part, mixed)))
  const condition = conditionInputs(graph, model.condition, batch)
  const micros = microInputs(graph, model, batch)

  const schedules = schedulesOf(model)
  const scales = signalScales(model)
  const clean = downsampled(images, parts, b)
  const levels = parts.map((part, r): NoisedLevel => {
    const rows = batchOf(part, mixed)
    const first = (value: Value) => (mixed && part.inner ? b.slice(value, { axis: 0, start: 0, end: rows }) : value)
    // Step t trains on gamma[t + 1], so the tables begin with gamma[1].
    const gamma = (schedules[r] ?? new Float32Array()).slice(1)
    const perExample = (f: (gamma: number) => number) => spread(first(b.gather(table(gamma, f, b), times)), part, b)
    const scale = scales[r] ?? 1
    const signal = first(clean[r] ?? images)
    return noised(
      scale === 1 ? signal : b.div(signal, scale),
      noise[r] ?? images,
      perExample(Math.sqrt),
      perExample((g) => Math.sqrt(1 - g)),
      b,
    )
  })
  const inputs = { images: levels.map(({ noisy }) => noisy), times: b.toFloat(times), condition, micros }
  const { predictions, parameters } = addNest(graph, model, inputs, report)

  const weights = diffusion.weights
  const shares = cumulativeShares(diffusion.mix)
  const outputs: NamedValue[] = []
  let total: Value | undefined
  parts.forEach((part, r) => {
    const level = levels[r]
    const prediction = predictions[r]?.value
    if (level === undefined || prediction === undefined) throw new InternalError('a resolution without a prediction')
    const measured = convert(prediction, diffusion.predict, diffusion.measure, level, b)
    const difference = b.sub(measured, target(diffusion.measure, level, b))
    const squares = b.mul(difference, difference)
    const loss = b.mean(squares, { axes: squares.type.shape.map((_, axis) => axis).slice(1), keep: false })
    outputs.push({ name: `loss_${resolutionName(part)}`, value: loss })
    if (r > 0 && diffusion.highestOnly) return
    const weighted = weighByStep(loss, r)
    const share = (shares[r] ?? 1) / (weights[r] ?? 1)
    const scaled = share === 1 ? weighted : b.div(weighted, share)
    const padded = mixed && part.inner ? b.pad(scaled, { axis: 0, before: 0, to: batch }) : scaled
    total = total === undefined ? padded : b.add(total, padded)
  })

  function weighByStep(loss: Value, r: number): Value {
    const gamma = schedules[r] ?? new Float32Array()
    const { weighting } = diffusion
    // The published weights follow the unshifted schedule, which is that of the lowest resolution.
    if (weighting.kind === 'none') return loss
    const byStep =
      weighting.kind === 'min_snr'
        ? minSnrWeights(gamma, weighting.limit, diffusion.measure)
        : vdmWeights(schedules.at(-1) ?? gamma)
    const weight = b.gather(b.tensor(floats([byStep.length - 1], byStep.slice(1))), times)
    const rows = loss.type.shape[0] ?? batch
    return b.mul(loss, mixed && rows !== batch ? b.slice(weight, { axis: 0, start: 0, end: rows }) : weight)
  }

  if (total === undefined) throw new InternalError('a model without a resolution')
  return graph.finish([{ name: 'losses', value: total }, ...outputs], parameters)
}

/** Whether the loss is built for all settings of a model; one that it is not built for is reported. */
export function hasLoss(model: Model, report: Report): boolean {
  const settings = partsOf(model).map(({ diffusion }) => diffusion)
  const setting = settings.some(({ randomInterpolation }) => randomInterpolation)
    ? 'random_interpolation yes'
    : settings.some(({ frameChoice }) => frameChoice === 'random')
      ? 'frame_choice random'
      : undefined
  if (setting !== undefined) report(cannotTrain({ model: model.name, setting }), model.span)
  return setting === undefined
}

/** Share of the batch that each resolution sees, highest first: `2:1` gives 2/3 and 1. Empty where all see all. */
export function cumulativeShares(mix: readonly number[]): number[] {
  const all = mix.reduce((sum, share) => sum + share, 0)
  let sum = 0
  return mix.map((share) => (sum += share) / all)
}

function imageType(part: Model, batch: Dimension) {
  const frames = part.frames === 1 ? [] : [part.frames]
  return { dataType: 'float32', shape: [batch, part.imageChannels, ...frames, part.side, part.side] } as const
}

/** The images at each resolution: averages in space, one frame of each group in time. */
function downsampled(images: Value, parts: readonly Model[], b: Builder): Value[] {
  let current = images
  return parts.map((part, r) => {
    const before = parts[r - 1]
    if (before === undefined) return current
    if (before.frames !== part.frames) current = fewerFrames(current, before, part, b)
    if (before.side !== part.side) current = averaged(current, before, part, b)
    return current
  })
}

/** One frame for each group of frames: the first one, the one in the middle, or their mean. */
function fewerFrames(x: Value, from: Model, to: Model, b: Builder): Value {
  const [batch = 0, channels = 0] = x.type.shape
  const size = from.frames / to.frames
  const groups = b.reshape(x, { shape: [batch, channels, to.frames, size, from.side, from.side] })
  const { frameChoice } = from.diffusion
  const start = frameChoice === 'central' ? Math.floor(size / 2) : 0
  const chosen =
    frameChoice === 'mean'
      ? b.mean(groups, { axes: [3], keep: true })
      : b.slice(groups, { axis: 3, start, end: start + 1 })
  const kept = to.frames === 1 ? [] : [to.frames]
  return b.reshape(chosen, { shape: [batch, channels, ...kept, from.side, from.side] })
}

function averaged(x: Value, from: Model, to: Model, b: Builder): Value {
  const lead = x.type.shape.slice(0, -2)
  const factor = from.side / to.side
  const tiles = b.reshape(x, { shape: [...lead, to.side, factor, to.side, factor] })
  return b.mean(tiles, { axes: [lead.length + 1, lead.length + 3], keep: false })
}

function table(gamma: Float32Array, f: (gamma: number) => number, b: Builder): Value {
  return b.tensor(floats([gamma.length], gamma.map(f)))
}

/** One number per example, for every element of its image. */
function spread(x: Value, part: Model, b: Builder): Value {
  return b.reshape(x, { shape: [x.type.shape[0] ?? 1, ...new Array<number>(part.frames === 1 ? 3 : 4).fill(1)] })
}

interface NoisedLevel {
  readonly clean: Value
  readonly noise: Value
  readonly noisy: Value
  /** alpha and sigma per example, broadcastable to the image. */
  readonly alpha: Value
  readonly sigma: Value
}

function noised(clean: Value, noise: Value, alpha: Value, sigma: Value, b: Builder): NoisedLevel {
  return { clean, noise, noisy: b.add(b.mul(alpha, clean), b.mul(sigma, noise)), alpha, sigma }
}

/** What the prediction should be. v = alpha eps - sigma x0 (Salimans & Ho 2022, section 4). */
function target(measure: Prediction, { clean, noise, alpha, sigma }: NoisedLevel, b: Builder): Value {
  if (measure === 'x0') return clean
  return measure === 'noise' ? noise : b.sub(b.mul(alpha, noise), b.mul(sigma, clean))
}

/** A prediction of one kind as one of another, by way of the clean image. */
function convert(
  prediction: Value,
  from: Prediction,
  to: Prediction,
  { noisy, alpha, sigma }: NoisedLevel,
  b: Builder,
): Value {
  if (from === to) return prediction
  const x0 = ((): Value => {
    if (from === 'x0') return prediction
    if (from === 'v') return b.sub(b.mul(alpha, noisy), b.mul(sigma, prediction))
    return b.div(b.sub(noisy, b.mul(sigma, prediction)), alpha)
  })()
  if (to === 'x0') return x0
  return to === 'noise' ? b.div(b.sub(noisy, b.mul(alpha, x0)), sigma) : b.div(b.sub(b.mul(alpha, noisy), x0), sigma)
}
