/** Recorded tensors and what is measured against them. */
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import * as say from '../../compiler/diagnostics/verify.js'
import { showShape } from '../../compiler/ir/dimension.js'
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'
import { wholeFile } from '../weights/failure.js'
import type { WeightSource } from '../weights/source.js'
import { fromGrid, toGrid } from './grid.js'

export interface TensorResult {
  readonly name: string
  /** Largest difference over largest expected value. Not a number where the engine gave none. */
  readonly error: number
  readonly tolerance: number
}

/** Something is missing in a case, or of another shape; it has been reported. */
export class UnfitCase extends Error {}

/** The tensors of one case. */
export class Figures {
  readonly results: TensorResult[] = []

  constructor(
    private readonly path: string,
    private readonly tensors: WeightSource,
    private readonly tolerance: number,
    private readonly report: Report,
  ) {}

  has(name: string): boolean {
    return this.tensors.entries.some((entry) => entry.name === name)
  }

  /** Rows of a recorded tensor. */
  rows(name: string): number {
    return this.tensors.entries.find((entry) => entry.name === name)?.shape[0] ?? 1
  }

  async tensor(name: string): Promise<Tensor> {
    const entry = this.tensors.entries.find((candidate) => candidate.name === name)
    if (entry === undefined) return this.#refuse(say.tensorMissing({ name }))
    const data = await this.tensors.read(name)
    return { shape: entry.shape, data: entry.dtype === 'I64' ? Float64Array.from(data) : data }
  }

  /** A recorded image, or the frames of a recorded grid. */
  async image(name: string, frames: number): Promise<Tensor> {
    const tensor = await this.tensor(name)
    return frames > 1 ? fromGrid(tensor, frames) : tensor
  }

  /** Measures an image that an engine gave against a recorded one. */
  async compareImage(name: string, found: Tensor | undefined, recorded: string): Promise<void> {
    if (found === undefined) return this.#refuse(say.tensorMissing({ name }))
    await this.compare(name, found.shape.length === 5 ? toGrid(found) : found, recorded)
  }

  async compare(name: string, found: Tensor, recorded: string): Promise<void> {
    const expected = await this.tensor(recorded)
    if (found.shape.join() !== expected.shape.join()) {
      this.#refuse(say.tensorShape({ name, found: showShape(expected.shape), expected: showShape(found.shape) }))
    }
    this.results.push({ name, error: relativeError(found.data, expected.data), tolerance: this.tolerance })
  }

  #refuse(finding: ReturnType<typeof say.tensorMissing>): never {
    this.report(finding, wholeFile(`${this.path}/case.json`))
    throw new UnfitCase()
  }
}

function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0
  let largest = 0
  for (let i = 0; i < expected.length; i++) {
    const distance = Math.abs((found[i] ?? NaN) - (expected[i] ?? NaN))
    if (Number.isNaN(distance)) return NaN
    difference = Math.max(difference, distance)
    largest = Math.max(largest, Math.abs(expected[i] ?? 0))
  }
  return largest === 0 ? difference : difference / largest
}

/** The first rows of a tensor. */
export function firstRows({ shape, data }: Tensor, rows: number): Tensor {
  const kept = [rows, ...shape.slice(1)]
  return { shape: kept, data: data.subarray(0, elementCount(kept)) }
}
