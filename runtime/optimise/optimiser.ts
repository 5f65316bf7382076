/** The update of parameters from their gradients. */
import type { Phase, Training } from '../../compiler/check/model.js'
import { InternalError } from '../../compiler/diagnostics/internal.js'
import { adamStep, clipFactor } from './adam.js'
import type { Gradient } from './arena.js'
import { learningRate } from './rate.js'
import type { ParameterStore, Trained } from './store.js'

/** The gradient of a trained parameter, row-major, in any memory. It is read more than once. */
export type Gradients = (name: string) => Float32Array

/** What a step did. */
export interface Step {
  /** L2 norm of the gradient of all trained parameters, before it is limited; not finite if an element is not. */
  readonly norm: number
  readonly rate: number
  /** Whether the gradient was scaled down to the largest norm. */
  readonly clipped: boolean
  /** Whether nothing was changed, since the gradient is not finite. */
  readonly skipped: boolean
}

/** What a checkpoint keeps beside the store's arrays. */
export interface OptimiserState {
  /** Steps of the phase, skipped ones too: they decide the learning rate. */
  readonly steps: number
  /** Steps that changed the parameters: Adam's t. */
  readonly updates: number
}

/**
 * Adam or AdamW with a limited norm, over the store's trained parameters; the moving average follows in the same pass.
 * Equal gradients give equal bits on every machine.
 */
export class Optimiser {
  readonly #store: ParameterStore
  readonly #optimizer: Training['optimizer']
  readonly #phase: Pick<Phase, 'steps' | 'rate'>
  #state: OptimiserState
  /** Batches of the next step that were taken already. */
  #taken = 0

  /** `state` goes on from a checkpoint. */
  constructor(
    store: ParameterStore,
    optimizer: Training['optimizer'],
    phase: Pick<Phase, 'steps' | 'rate'>,
    state: OptimiserState = { steps: 0, updates: 0 },
  ) {
    this.#store = store
    this.#optimizer = optimizer
    this.#phase = phase
    this.#state = state
  }

  get state(): OptimiserState {
    return this.#state
  }

  /**
   * Takes the gradients of a batch. Every time that the store's `accumulate` are together, it makes a step with
   * their mean and tells of it, otherwise it gives undefined. The gradients are those of the loss times `lossScale`, which must not change within a step.
   */
  update(gradients: Gradients, lossScale = 1): Step | undefined {
    const { accumulate } = this.#store.settings
    if (accumulate === 1) return this.#step((parameter) => gradientOf(parameter, gradients), 1 / lossScale)
    for (const parameter of this.#store.trained)
      parameter.arena.accumulate(parameter, gradientOf(parameter, gradients), this.#taken === 0)
    this.#taken = (this.#taken + 1) % accumulate
    return this.#taken === 0 ? this.#step(() => 'sum', 1 / (accumulate * lossScale)) : undefined
  }

  /** Makes a step with gradients times `scale`. */
  #step(gradient: (parameter: Trained) => Gradient, scale: number): Step {
    const { trained, settings } = this.#store
    const { steps, updates } = this.#state
    const rate = learningRate(steps, this.#optimizer, this.#phase)
    let squares = 0
    for (const parameter of trained) squares += parameter.arena.squares(parameter, gradient(parameter))
    const norm = scale * Math.sqrt(squares)
    const skipped = !Number.isFinite(norm)
    this.#state = { steps: steps + 1, updates: skipped ? updates : updates + 1 }
    if (skipped) return { norm, rate, clipped: false, skipped }
    const limit = clipFactor(norm, this.#optimizer.clip)
    const adam = adamStep(updates + 1, this.#optimizer, { rate, scale: limit * scale, average: settings.average })
    for (const parameter of trained) parameter.arena.step(parameter, gradient(parameter), adam)
    return { norm, rate, clipped: limit < 1, skipped }
  }
}

function gradientOf({ name, count }: Trained, gradients: Gradients): Float32Array {
  const gradient = gradients(name)
  if (gradient.length !== count)
    throw new InternalError(`the gradient of ${name} has ${gradient.length} elements, not ${count}`)
  return gradient
}
