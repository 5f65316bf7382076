/** How a run folder that cannot be written is reported. */
import { systemProblem } from '../../files/problem.js'

/** The run cannot go on writing: `problem` tells what is in the way, `remedy` what to do about it. */
export class RunFailure extends Error {
  constructor(
    readonly problem: string,
    readonly remedy: string,
  ) {
    super(`${problem}\n${remedy}`)
  }
}

/** The system's refusal to write `what` as a RunFailure; any other error is given back as it is. */
export function writingFailed(what: string, error: unknown): unknown {
  const problem = systemProblem(error)
  if (problem === undefined) return error
  return new RunFailure(
    `${what} cannot be written: ${problem}`,
    'what was written before is whole: see to that, then resume the run',
  )
}

/** Runs `action`; the system's refusal to write `what` is thrown as a RunFailure. */
export async function writing<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw writingFailed(what, error)
  }
}
