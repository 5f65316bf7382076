/** Errors that are neither the input's nor ours: a missing device, a full disk, a folder that cannot be written. */
import { EngineUnavailable } from '../backends/onnx/devices.js'
import { ImageFailure } from '../runtime/images/failure.js'
import { systemProblem, WeightFailure } from '../runtime/weights/failure.js'

/** What the environment lacks and how to get it, or undefined where the error is a fault of the program. */
export function environmentProblem(error: unknown): string | undefined {
  if (error instanceof EngineUnavailable || error instanceof WeightFailure || error instanceof ImageFailure)
    return error.message
  const problem = systemProblem(error)
  if (problem === undefined) return undefined
  const path = error instanceof Error && 'path' in error && typeof error.path === 'string' ? `${error.path}: ` : ''
  return `${path}${problem}`
}
