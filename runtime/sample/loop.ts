/** The loop of sampling, the same for every engine, method and number of resolutions. */
import { InternalError } from '../../compiler/diagnostics/internal.js'
import { resolutionName } from '../../compiler/build/nest.js'
import { signalScales, type Process } from '../../compiler/build/schedule.js'
import { coefficientNames, solverSteps, type SolverStep } from '../../compiler/build/solver.js'
import type { Sampling } from '../../compiler/check/model.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import type { StepNetwork } from './network.js'
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
  /** The noise to begin with; drawn by the seed where absent. */
  readonly noise?: Images
}

export interface SamplerSettings {
  readonly sampling: Sampling
  readonly seed: number
}

/** Seen after each step; `clean` is what the image would be if the process ended here. */
export type OnStep = (step: {
  readonly number: number
  readonly of: number
  readonly clean: Images
}) => void | Promise<void>

/** A model that is ready to sample. */
export class Sampler {
  readonly steps: readonly SolverStep[]
  readonly #parts: readonly { readonly name: string; readonly shape: readonly number[] }[]
  readonly #scales: readonly number[]

  constructor(
    process: Process,
    readonly settings: SamplerSettings,
    private readonly network: StepNetwork,
  ) {
    this.steps = solverSteps(process, settings.sampling)
    this.#scales = signalScales(process)
    this.#parts = process.resolutions.map((part) => ({
      name: resolutionName(part),
      shape: [part.imageChannels, ...(part.frames === 1 ? [] : [part.frames]), part.side, part.side],
    }))
  }

  /** Samples one batch. Result: all resolutions, clipped to [-1, 1]. */
  async sample(batch: Batch, onStep?: OnStep): Promise<Images> {
    const { seed, sampling } = this.settings
    const rows = batch.images.length
    const guided = sampling.guidance !== 1
    const fixed: Record<string, Tensor> = { ...(await this.network.condition(batch.condition)) }
    for (const [key, value] of batch.micros) fixed[`micro_${key}`] = filled(guided ? 2 * rows : rows, value)
    if (guided) fixed.guidance = { shape: [], data: Float32Array.of(sampling.guidance) }
    const draw = (step: 'start' | number) =>
      new Map(
        this.#parts.map(({ name, shape }) => [name, drawNoise({ seed, resolution: name, step }, batch.images, shape)]),
      )
    let x: Images = batch.noise ?? draw('start')
    let clean: Images = x
    for (const [number, step] of this.steps.entries()) {
      const noise = step.coefficients.some(({ fromNoise }) => fromNoise !== 0) ? draw(number) : x
      const outputs = await this.network.step({
        ...fixed,
        ...stepInputs(step, rows),
        ...prefixed('x', x),
        ...prefixed('previous', clean),
        ...prefixed('noise', noise),
      })
      x = this.#named('next', outputs)
      clean = this.#named('x0', outputs)
      await onStep?.({ number, of: this.steps.length, clean: this.#shown(clean) })
    }
    return this.#shown(x)
  }

  /** Images as they are looked at: with their signal's scale undone, and clipped to [-1, 1]. */
  #shown(images: Images): Images {
    return new Map([...images].map(([name, image], r) => [name, clipped(image, this.#scales[r] ?? 1)]))
  }

  async dispose(): Promise<void> {
    await this.network.dispose()
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

/** A plain loop: Float32Array.from with a function takes ten times as long, at every step. */
function clipped({ shape, data }: Tensor, scale: number): Tensor {
  const result = new Float32Array(data.length)
  for (let i = 0; i < data.length; i++) result[i] = Math.min(1, Math.max(-1, (data[i] ?? 0) * scale))
  return { shape, data: result }
}
