/** What all modules that mdmc compiles for tfjs have in common. */
import type { Tensor } from '@tensorflow/tfjs-core'

/** The weights themselves, or after training their moving average; `weights` where nothing is said. */
export type Which = 'weights' | 'average'

/** Where weights are: an address, in Node also a path, or the bytes of a safetensors file. */
export type WeightsAt = string | URL | ArrayBuffer | Uint8Array

/** What a model is, as its spec says. */
export interface Description {
  readonly name: string
  readonly specHash: string
  /** Highest first. */
  readonly resolutions: readonly {
    readonly name: string
    readonly side: number
    readonly frames: number
    readonly channels: number
  }[]
  readonly condition: Readonly<Record<string, unknown>> | null
  /** Micro-conditions, with what they are where they are not given. */
  readonly micros: Readonly<Record<string, number>>
  readonly diffusion: Readonly<Record<string, unknown>> & { readonly steps: number }
  readonly sampling: Readonly<Record<string, unknown>> & {
    readonly method: 'ddpm' | 'ddim' | 'dpm'
    readonly steps: number
    readonly guidance: number
  }
  /** null for a model that cannot be trained. */
  readonly training: TrainingSettings | null
}

/** The section `train`, and of its phases the one that trains the whole model. */
export interface TrainingSettings {
  readonly optimizer: {
    readonly kind: 'adamw' | 'adam'
    readonly rate: number
    readonly betas: readonly [number, number]
    readonly epsilon: number
    readonly weightDecay: number
    readonly warmup: number
    readonly decay: 'constant' | 'cosine'
    /** Largest norm of the gradient; 0: not limited. */
    readonly clip: number
  }
  /** Decay of the moving average of the weights; 0: there is none. */
  readonly average: number
  /** In how many parts of equal size a step takes its batch. */
  readonly accumulate: number
  /** Share of the examples that are trained without their condition. */
  readonly conditionDropout: number
  readonly seed: number
  readonly phase: {
    readonly number: number
    /** null where the spec does not say it. */
    readonly steps: number | null
    readonly batch: number | null
    readonly rate: number
    readonly mix: readonly number[]
  }
}

/** What may be said of a loss. Draws come from the seed and the step's number, as in `mdmc train`, unless they are given. */
export interface LossOptions {
  /** A whole number from 0 on; that of the section `train` where it is not given. */
  seed?: number
}

export interface StepOptions extends LossOptions {
  /** Learning rate of this step, instead of that of the section `train`. */
  rate?: number
  /** Which examples are trained without their condition. */
  dropped?: readonly boolean[]
}

export interface Losses<Resolution extends string> {
  /** Mean over the batch of the weighted sum over resolutions. */
  readonly loss: number
  /** Mean of each resolution, unweighted. */
  readonly losses: Readonly<Record<Resolution, number>>
}

export interface StepResult<Resolution extends string> extends Losses<Resolution> {
  /** L2 norm of the gradient, before it is limited. */
  readonly norm: number
  /** Learning rate. */
  readonly rate: number
  /** Whether nothing was changed, since the gradient is not finite. */
  readonly skipped: boolean
  /** Whether the gradient was scaled down to the largest norm. */
  readonly clipped: boolean
  /** Steps taken, this one included. */
  readonly step: number
}

/** What may be said of sampling; what is not said is as in the section `sample`. */
export interface SampleOptions<Resolution extends string> {
  /** How many images; as many as the condition has rows where it is not given. */
  count?: number
  /** A whole number from 0 on: the same seed gives the same images as `mdmc sample`. */
  seed?: number
  steps?: number
  method?: 'ddpm' | 'ddim' | 'dpm'
  /** How the steps are chosen. */
  spacing?: 'even' | 'quadratic' | 'log_snr'
  /** With `ddim`: how much of the ancestral noise is added, from 0 to 1. */
  eta?: number
  /** Standard normal noise to begin with, [count, channels, (frames,) side, side], instead of that of the seed. */
  noise?: Readonly<Record<Resolution, Tensor | Float32Array>>
  /** Called and waited for after each step, counted from 0, with the images as they would be if it were the last. */
  onStep?: (step: {
    readonly number: number
    readonly of: number
    readonly clean: Readonly<Record<Resolution, Float32Array>>
  }) => void | Promise<void>
  /** Ends sampling before its next step; sample() rejects with the signal's reason. */
  signal?: AbortSignal
  which?: Which
}

/**
 * A model on the backend that tfjs has set. Tensors that are given stay the caller's, and results are the caller's to
 * dispose. Calls are carried out one after the other: one must not be waited for within `onStep`.
 */
export declare class CompiledModel<Inputs, Predictions, Images, Request> {
  protected constructor()
  /** The network alone. */
  predict(inputs: Inputs, options?: { which?: Which }): Promise<Predictions>
  /** Samples images, at all resolutions. */
  sample(request?: Request): Promise<Images>
  /** The weights as a safetensors file, which load() and `mdmc --weights` take. */
  save(which?: Which): Promise<Uint8Array>
  /** Frees all tensors of the model, which must not be used afterwards. */
  dispose(): void
}

export declare class TrainableModel<
  Inputs,
  Predictions,
  Images,
  Request,
  Batch,
  Draws,
  Resolution extends string,
> extends CompiledModel<Inputs, Predictions, Images, Request> {
  /** The loss without an update. What is drawn for it is the same each time, unless the seed is another. */
  loss(batch: Batch, options?: LossOptions & Draws): Promise<Losses<Resolution>>
  /** One step of training. What is computed afterwards is with the new weights. */
  trainStep(batch: Batch, options?: StepOptions & Draws): Promise<StepResult<Resolution>>
}
