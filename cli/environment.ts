/** Errors that are neither the input's nor ours: a missing device, a full disk, a folder that cannot be written. */
import { EngineUnavailable } from '../backends/unavailable.js'
import { systemProblem } from '../files/problem.js'
import { DataFailure } from '../runtime/data/failure.js'
import { ImageFailure } from '../runtime/images/failure.js'
import { MemoryFailure } from '../runtime/optimise/store.js'
import { RunFailure } from '../runtime/run/failure.js'
import { WeightFailure } from '../runtime/weights/failure.js'

const kinds = [EngineUnavailable, WeightFailure, ImageFailure, DataFailure, MemoryFailure, RunFailure]

/** What the environment lacks and how to get it, or undefined where the error is a fault of the program. */
export function environmentProblem(error: unknown): string | undefined {
  if (error instanceof Error && kinds.some((kind) => error instanceof kind)) return error.message
  const problem = systemProblem(error)
  if (problem === undefined) return undefined
  const path = error instanceof Error && 'path' in error && typeof error.path === 'string' ? `${error.path}: ` : ''
  return `${path}${problem}`
}
