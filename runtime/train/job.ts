/** Everything that a training run needs, and what comes of it. */
import type { Engine, EngineOptions } from '../../backends/engine.js'
import type { Recompute } from '../../compiler/build/recomputation.js'
import type { Model, Training } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Dataset } from '../data/dataset.js'
import type { RunFolder } from '../run/folder.js'
import type { ConditionsOf } from './conditions.js'
import type { PlannedPhase } from './phases.js'
import type { PreviewWishes } from './previews.js'

/** What is trained, and in what way. */
export interface TrainPlan {
  /** The whole nest. */
  readonly model: Model
  readonly phases: readonly PlannedPhase[]
  readonly training: Omit<Training, 'phases'>
  readonly seed: number
  readonly recompute: Recompute
  /** Whether the engine computes in float16, so that small gradients need a larger loss. */
  readonly lossScale: boolean
  /** A checkpoint that the first phase starts from. */
  readonly weights: string | undefined
}

/** Examples and their conditions. */
export interface Examples {
  readonly dataset: Dataset
  readonly conditions: ConditionsOf
}

/** What a phase trains on, and what it is measured on. */
export interface PhaseData {
  readonly examples: Examples
  readonly heldOut: Examples | undefined
}

/** What is done now and then, each every so many steps of the run. */
export interface Rhythm {
  readonly log: number
  readonly save: number
  readonly evaluate: number
  /** 0: no pictures. */
  readonly preview: number
  /** How many checkpoints are kept beside the best. */
  readonly keep: number
}

/** What a run tells while it goes on. */
export interface TrainHooks {
  /** After each step: how many are done, and the loss where the step was not skipped. */
  onStep(done: number, loss: number | undefined, rate: number): void
  onRemark(text: string): void
  /** Whether the run should end after the step that it is at. */
  stopping(): boolean
}

/** Everything that a run needs. */
export interface TrainJob {
  readonly plan: TrainPlan
  /** By number of the phase. */
  readonly data: readonly PhaseData[]
  /** Threads that read the data. */
  readonly workers: number
  readonly rhythm: Rhythm
  readonly previews: PreviewWishes
  readonly folder: RunFolder
  readonly engine: Engine
  readonly options: EngineOptions
  readonly hooks: TrainHooks
  readonly report: Report
}

/** How a run ended, after so many steps in all. */
export interface TrainOutcome {
  readonly kind: 'done' | 'stopped' | 'failed'
  readonly steps: number
}
