/** What the tests of the optimiser share: parameters, gradients, and the same arithmetic in plain float64. */
import { createHash } from 'node:crypto'
import type { Training } from '../../compiler/check/model.js'
import type { Parameter } from '../../compiler/ir/parameter.js'
import { Optimiser, type OptimiserState } from '../../runtime/optimise/optimiser.js'
import { ParameterStore, type StoreOptions } from '../../runtime/optimise/store.js'
import { ruleUniforms } from '../../runtime/weights/rule.js'

type Settings = Training['optimizer']

/** AdamW without anything that changes its rate or its gradients. */
export const plain: Settings = {
  kind: 'adamw',
  rate: 0.01,
  betas: [0.9, 0.99],
  epsilon: 1e-8,
  weightDecay: 0,
  warmup: 0,
  decay: 'constant',
  clip: 0,
}

export const phase = { steps: 100, rate: undefined }

export function parametersOf(shapes: Readonly<Record<string, readonly number[]>>): Parameter[] {
  return Object.entries(shapes).map(([name, shape]) => ({
    name,
    shape,
    initialiser: { kind: 'zeros' },
    trainable: true,
  }))
}

/** Numbers in [-factor, factor) that depend on the name. */
export function unit(name: string, count: number, factor = 1): Float32Array {
  const u = ruleUniforms(name)
  return Float32Array.from({ length: count }, (_, i) => factor * u(i))
}

/** A store with values `values:PARAMETER` of the rule. */
export async function storeOf(
  parameters: readonly Parameter[],
  options: Partial<StoreOptions> = {},
): Promise<ParameterStore> {
  const store = new ParameterStore(parameters, { average: 0, accumulate: 1, ...options })
  await store.fill({ read: async (name) => unit(`values:${name}`, store.values(name).length) })
  return store
}

export function optimiserOf(store: ParameterStore, settings: Partial<Settings> = {}, state?: OptimiserState) {
  return new Optimiser(store, { ...plain, ...settings }, phase, state)
}

/** Gradients of the rule for a batch, of any store. */
export function gradientsOf(store: ParameterStore, batch: number, factor = 1) {
  return (name: string) => unit(`gradient:${batch}:${name}`, store.values(name).length, factor)
}

/** All that a store keeps of its trained parameters, copied. */
export function contentOf(store: ParameterStore) {
  return store.trained.map(({ name }) => ({
    name,
    values: store.values(name).slice(),
    average: store.average(name).slice(),
    firstMoment: store.firstMoment(name).slice(),
    secondMoment: store.secondMoment(name).slice(),
  }))
}

/** What a store keeps, to be compared bit by bit. */
export function bitsOf(store: ParameterStore) {
  const hash = (array: Float32Array) => createHash('sha256').update(array).digest('hex')
  return contentOf(store).map(({ name, values, average, firstMoment, secondMoment }) => ({
    name,
    values: hash(values),
    average: hash(average),
    firstMoment: hash(firstMoment),
    secondMoment: hash(secondMoment),
  }))
}

/** One tensor under AdamW or Adam in float64, as the papers write it. */
export class PlainAdam {
  readonly values: Float64Array
  readonly average: Float64Array
  readonly firstMoment: Float64Array
  readonly secondMoment: Float64Array
  #t = 0

  constructor(values: Float32Array) {
    this.values = Float64Array.from(values)
    this.average = Float64Array.from(values)
    this.firstMoment = new Float64Array(values.length)
    this.secondMoment = new Float64Array(values.length)
  }

  step(gradient: ArrayLike<number>, settings: Settings, decay: number): void {
    const {
      kind,
      rate,
      betas: [beta1, beta2],
      epsilon,
      weightDecay,
    } = settings
    this.#t++
    for (let i = 0; i < this.values.length; i++) {
      const p = this.values[i] ?? NaN
      const g = (gradient[i] ?? NaN) + (kind === 'adam' ? weightDecay * p : 0)
      const m = beta1 * (this.firstMoment[i] ?? NaN) + (1 - beta1) * g
      const v = beta2 * (this.secondMoment[i] ?? NaN) + (1 - beta2) * g * g
      const kept = kind === 'adamw' ? p - rate * weightDecay * p : p
      const next = kept - (rate * (m / (1 - beta1 ** this.#t))) / (Math.sqrt(v / (1 - beta2 ** this.#t)) + epsilon)
      this.firstMoment[i] = m
      this.secondMoment[i] = v
      this.values[i] = next
      this.average[i] = decay * (this.average[i] ?? NaN) + (1 - decay) * next
    }
  }
}

/** The largest difference, relative to the largest expected value. */
export function errorOf(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0
  let largest = 0
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs((actual[i] ?? NaN) - (expected[i] ?? NaN)))
    largest = Math.max(largest, Math.abs(expected[i] ?? NaN))
  }
  return difference / largest
}
