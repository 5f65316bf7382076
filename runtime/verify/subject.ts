/** What of a model a recorded case is about, for engines that run code made from the model rather than its graphs. */
import type { ParameterValues, EngineOptions, Session } from '../../backends/engine.js'
import type { Model, Training } from '../../compiler/check/model.js'

export interface Subject {
  /**
   * Which graph's inputs and outputs a run has: buildDenoiser's, buildLoss's, buildSamplerStep's, or buildTraining's.
   * A run of `training` makes the step too, and gives beside the loss and its gradients `norm` and `rate`, and each
   * parameter and its average afterwards as `parameter.NAME` and `average.NAME`.
   */
  readonly what: 'denoiser' | 'loss' | 'step' | 'training'
  readonly model: Model
  /** How to train. */
  readonly training?: Pick<Training, 'optimizer' | 'average'> & { readonly steps: number }
}

/** Numbers of a diffusion process. */
export interface Tables {
  /** gamma at each step of the highest resolution. */
  readonly gammas: Float32Array
  /** Weights of its loss by step; empty where all are 1. */
  readonly weights: Float32Array
  /** The steps of sampling, from noisy to clean. */
  readonly timesteps: readonly number[]
}

/** An engine that takes models. */
export interface ModelEngine {
  readonly name: string
  readonly devices: readonly string[]
  readonly auto: readonly string[]
  readonly takesThreads: boolean
  works(device: string): Promise<boolean>
  /** Name and shape of every stored tensor, in order. */
  parametersOf(model: Model): Promise<readonly { readonly name: string; readonly shape: readonly number[] }[]>
  /** The process as the package computes it, with so many steps of sampling. */
  tablesOf(model: Model, steps: number): Promise<Tables>
  /** As an engine's `prepare`; with `trains` the runs give gradients too. */
  prepareModel(subject: Subject, weights: ParameterValues, options: EngineOptions): Promise<Session>
  /** Frees what the sessions shared. */
  close(): Promise<void>
}
