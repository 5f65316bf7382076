/** What sampling needs to know of a model, whether it comes from a spec or from a compiled folder. */
import { microDefaults } from '../../compiler/build/denoiser.js'
import { processOf, type Process } from '../../compiler/build/schedule.js'
import type { Condition, Model, Sampling } from '../../compiler/check/model.js'

export interface Subject {
  readonly name: string
  /** SHA-256 of what the spec means. */
  readonly specHash: string
  readonly process: Process
  readonly condition: Condition | undefined
  readonly sampling: Sampling
  /** Defaults of micro-conditions, by key. */
  readonly micros: ReadonlyMap<string, number>
}

export function subjectOf(model: Model, specHash: string): Subject {
  const { name, condition, sampling } = model
  return { name, specHash, process: processOf(model), condition, sampling, micros: microDefaults(model) }
}
