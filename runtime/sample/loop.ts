/** The loop of sampling, the same for every engine, method and number of resolutions. */
import type { Engine, EngineOptions, ParameterValues, Session } from '../../backends/engine.js'
import { InternalError } from '../../compiler/diagnostics/internal.js'
import { resolutionName } from '../../compiler/build/nest.js'
import { buildSamplerStep } from '../../compiler/build/sampler.js'
import { signalScales } from '../../compiler/build/schedule.js'
import { coefficientNames, solverSteps, type SolverStep } from '../../compiler/build/solver.js'
import { partsOf, type Model, type Sampling } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { inference } from '../../compiler/passes/index.js'
import { splitAfter } from '../../compiler/passes/split.js'
import { drawNoise } from './noise.js'

/** A tensor per resolution, by its name (`256`). */
export type Images = ReadonlyMap<string, Tensor>

/** What a batch of images is made from. */
export interface Batch {
  /** Numbers of the images within the whole run; they choose the noise. */
  readonly images: readonly number[]
  /** Inputs of the condition: `text` and `text_mask`, or `label`; where guided, unconditional rows come first. */
  readonly condition: Readonly<Record<string, Tensor>>
  /** Micro-conditions, one number for all images. */
  readonly micros: ReadonlyMap<string, number>
}

export interface SamplerSettings {
  readonly sampling: Sampling
  readonly seed: number
}

/** Seen after each step; `clean` is what the image would be if the process ended here. */
export type OnStep = (step: { readonly number: number; readonly of: number; readonly clean: Images }) => void

/** A model that is ready to sample. */
export class Sampler {
  readonly steps: readonly SolverStep[]
  readonly #parts: readonly { readonly name: string; readonly shape: readonly number[] }[]

  private constructor(
    readonly model: Model,
    readonly settings: SamplerSettings,
    /** Computes what depends on the condition alone; absent where nothing does. */
    private readonly condition: Session | undefined,
    private readonly step: Session,
    private readonly conditionNames: readonly string[],
  ) {
    this.steps = solverSteps(model, settings.sampling)
    this.#parts = partsOf(model).map((part) => ({
      name: resolutionName(part),
      shape: [part.imageChannels, ...(part.frames === 1 ? [] : [part.frames]), part.side, part.side],
    }))
  }

  static async prepare(
    model: Model,
    weights: ParameterValues,
    settings: SamplerSettings,
    engine: Engine,
    options: EngineOptions,
    report: Report,
  ): Promise<Sampler> {
    const { threshold, guidance } = settings.sampling
    const graph = inference.run(buildSamplerStep(model, report, { threshold, guided: guidance !== 1 }))
    const names = ['text', 'text_mask', 'label']
    const halves = splitAfter(graph, names)
    const condition = halves && (await engine.prepare(halves.once, weights, options))
    const step = await engine.prepare(halves?.rest ?? graph, weights, options)
    const kept = (halves?.rest ?? graph).inputs.map(({ name }) => name).filter((name) => names.includes(name))
    return new Sampler(model, settings, condition, step, kept)
  }

  /** Samples one batch. Result: all resolutions, clipped to [-1, 1]. */
  async sample(batch: Batch, onStep?: OnStep): Promise<Images> {
    const { seed, sampling } = this.settings
    const rows = batch.images.length
    const guided = sampling.guidance !== 1
    const fixed: Record<string, Tensor> = { ...(await this.#condition(batch)) }
    for (const [key, value] of batch.micros) fixed[`micro_${key}`] = filled(guided ? 2 * rows : rows, value)
    if (guided) fixed.guidance = { shape: [], data: Float32Array.of(sampling.guidance) }
    const draw = (step: 'start' | number) =>
      new Map(
        this.#parts.map(({ name, shape }) => [name, drawNoise({ seed, resolution: name, step }, batch.images, shape)]),
      )
    let x: Images = draw('start')
    let clean: Images = x
    for (const [number, step] of this.steps.entries()) {
      const noise = step.coefficients.some(({ fromNoise }) => fromNoise !== 0) ? draw(number) : x
      const outputs = await this.step.run({
        ...fixed,
        ...stepInputs(step, rows),
        ...prefixed('x', x),
        ...prefixed('previous', clean),
        ...prefixed('noise', noise),
      })
      x = this.#named('next', outputs)
      clean = this.#named('x0', outputs)
      onStep?.({ number, of: this.steps.length, clean: this.#shown(clean) })
    }
    return this.#shown(x)
  }

  /** Images as they are looked at: with their signal's scale undone, and clipped to [-1, 1]. */
  #shown(images: Images): Images {
    const scales = signalScales(this.model)
    return new Map([...images].map(([name, image], r) => [name, clipped(image, scales[r] ?? 1)]))
  }

  async dispose(): Promise<void> {
    await this.condition?.dispose()
    await this.step.dispose()
  }

  async #condition({ condition }: Batch): Promise<Readonly<Record<string, Tensor>>> {
    if (this.condition === undefined) return condition
    const kept = Object.fromEntries(Object.entries(condition).filter(([name]) => this.conditionNames.includes(name)))
    return { ...kept, ...(await this.condition.run(condition)) }
  }

  #named(prefix: string, outputs: Readonly<Record<string, Tensor>>): Images {
    return new Map(
      this.#parts.map(({ name }) => {
        const tensor = outputs[`${prefix}_${name}`]
        if (tensor === undefined) throw new InternalError(`the step gave no ${prefix}_${name}`)
        return [name, tensor]
      }),
    )
  }
}

/** The inputs of a step that are numbers of the solver. */
export function stepInputs({ time, coefficients }: SolverStep, rows: number): Record<string, Tensor> {
  const table = coefficients.flatMap((resolution) => coefficientNames.map((name) => resolution[name]))
  return {
    times: filled(rows, time),
    coefficients: { shape: [coefficients.length, coefficientNames.length], data: Float32Array.from(table) },
  }
}

function prefixed(prefix: string, images: Images): Record<string, Tensor> {
  return Object.fromEntries([...images].map(([name, tensor]) => [`${prefix}_${name}`, tensor]))
}

function filled(rows: number, value: number): Tensor {
  return { shape: [rows], data: new Float32Array(rows).fill(value) }
}

function clipped({ shape, data }: Tensor, scale: number): Tensor {
  return { shape, data: Float32Array.from(data, (value) => Math.min(1, Math.max(-1, value * scale))) }
}
