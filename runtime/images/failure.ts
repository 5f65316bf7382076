/** How pictures that cannot be written are reported. */
import { systemProblem } from '../../files/problem.js'
import { writeAside } from '../../files/whole.js'

/** Pictures cannot be written here, or not so: `problem` tells what is in the way, `remedy` what to do about it. */
export class ImageFailure extends Error {
  constructor(
    readonly problem: string,
    readonly remedy: string,
  ) {
    super(`${problem}\n${remedy}`)
  }
}

/** As writeAside, with the system's refusal turned into an ImageFailure. */
export async function writePicture(path: string, write: (partial: string) => Promise<void>): Promise<void> {
  try {
    await writeAside(path, write)
  } catch (error) {
    const problem = systemProblem(error)
    if (problem === undefined) throw error
    throw new ImageFailure(`${path} cannot be written: ${problem}`, 'give another place to write to')
  }
}
