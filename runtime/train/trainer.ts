/** One phase at work: batches in, parameters changed. */
import type { Engine, EngineOptions, Session } from '../../backends/engine.js'
import { processOf } from '../../compiler/build/schedule.js'
import type { Training } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { InternalError } from '../../compiler/diagnostics/internal.js'
import { inputTypes, type Graph } from '../../compiler/ir/graph.js'
import type { Parameter } from '../../compiler/ir/parameter.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import type { Recompute } from '../../compiler/build/recomputation.js'
import { buildTraining, gradientName } from '../../compiler/training.js'
import type { Loader } from '../data/loader.js'
import { LossScale, type LossScaleState } from '../optimise/loss-scale.js'
import { Optimiser, type OptimiserState, type Step } from '../optimise/optimiser.js'
import { ParameterStore } from '../optimise/store.js'
import { microsFor, type ConditionsOf } from './conditions.js'
import { drawDropped, drawsFor } from './draws.js'
import { lossesIn, meanOf } from './losses.js'
import type { PlannedPhase } from './phases.js'

export interface TrainerSettings {
  readonly phase: PlannedPhase
  /** Number of the phase: different phases draw different numbers. */
  readonly number: number
  readonly training: Omit<Training, 'phases'>
  readonly seed: number
  readonly recompute: Recompute
  /** Whether the engine computes in float16, so that small gradients need a larger loss. */
  readonly lossScale: boolean
}

/** What came of a step. */
export interface StepResult extends Step {
  /** Means over the step's images, by the names `loss` and `loss/RESOLUTION`. */
  readonly losses: Readonly<Record<string, number>>
}

/** What going on with a phase needs beside the store's arrays. */
export interface TrainerState {
  readonly optimiser: OptimiserState
  readonly lossScale: LossScaleState | undefined
}

/** The conditions of the examples, and their images one batch after the other, from the step on that is next. */
export interface TrainingData {
  readonly loader: Loader
  readonly conditions: ConditionsOf
}

export class Trainer {
  private constructor(
    private readonly settings: TrainerSettings,
    readonly graph: Graph,
    readonly store: ParameterStore,
    private readonly optimiser: Optimiser,
    private readonly session: Session,
    private readonly lossScale: LossScale | undefined,
  ) {}

  /**
   * Builds the graph, fills the parameters and makes the engine ready; `state` goes on with a phase. Undefined where
   * `fill` says that something does not fit.
   */
  static async prepare(
    settings: TrainerSettings,
    fill: (store: ParameterStore, parameters: readonly Parameter[]) => Promise<boolean>,
    state: TrainerState | undefined,
    engine: Engine,
    options: EngineOptions,
    report: Report,
  ): Promise<Trainer | undefined> {
    const { phase, training, recompute, lossScale } = settings
    const graph = buildTraining(phase.model, report, { recompute, lossScale, frozen: phase.frozen })
    const trained = new Set(graph.outputs.map(({ name }) => name))
    const store = new ParameterStore(graph.parameters, {
      ...training,
      frozen: ({ name }) => !trained.has(gradientName(name)),
    })
    if (!(await fill(store, graph.parameters))) return undefined
    const optimiser = new Optimiser(store, training.optimizer, phase, state?.optimiser)
    const weights = { read: async (name: string) => store.values(name) }
    const session = await engine.prepare(graph, weights, { ...options, trains: true })
    return new Trainer(
      settings,
      graph,
      store,
      optimiser,
      session,
      lossScale ? new LossScale(state?.lossScale) : undefined,
    )
  }

  /** Takes step `step` of the phase, counted from 0. The loader must be at its first batch. */
  async step(step: number, { loader, conditions }: TrainingData): Promise<StepResult> {
    const { training } = this.settings
    const losses = new Map<string, number[]>()
    for (let part = 0; part < training.accumulate; part++) {
      const outputs = await this.session.run(await this.#inputs(step * training.accumulate + part, loader, conditions))
      for (const [name, { data }] of lossesIn(this.settings.phase.model, outputs)) {
        const means = losses.get(name) ?? []
        losses.set(name, [...means, meanOf(data)])
      }
      const made = this.optimiser.update((name) => gradientIn(outputs, name), this.lossScale?.scale)
      if (made === undefined) continue
      this.lossScale?.update(made.skipped)
      return { ...made, losses: Object.fromEntries(Array.from(losses, ([name, means]) => [name, meanOf(means)])) }
    }
    throw new InternalError('the optimiser made no step of as many batches as it takes')
  }

  get state(): TrainerState {
    return { optimiser: this.optimiser.state, lossScale: this.lossScale?.state }
  }

  async #inputs(number: number, loader: Loader, conditions: ConditionsOf) {
    const { phase, training, seed, number: phaseNumber } = this.settings
    const { model, batch } = phase
    const place = { seed, purpose: `train:${phaseNumber}`, first: number * batch, rows: batch }
    const { images, examples } = await loader.next()
    const condition = await conditions(examples, drawDropped(place, training.conditionDropout))
    return {
      images,
      ...microsFor(model, batch),
      ...condition,
      ...drawsFor(inputTypes(this.graph), processOf(model), place, condition.text?.shape[1] ?? 0),
      ...(this.lossScale ? { loss_scale: { shape: [], data: Float32Array.of(this.lossScale.scale) } } : {}),
    }
  }

  async dispose(): Promise<void> {
    await this.session.dispose()
  }
}

function gradientIn(outputs: Readonly<Record<string, Tensor>>, name: string): Float32Array {
  const gradient = outputs[gradientName(name)]?.data
  if (!(gradient instanceof Float32Array)) throw new InternalError(`the engine gave no gradient of ${name}`)
  return gradient
}
