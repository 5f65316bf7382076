/** Recorded tensors and what is measured against them. */
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import * as say from '../../compiler/diagnostics/verify.js'
import { showShape } from '../../compiler/ir/dimension.js'
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'
import { wholeFile } from '../weights/failure.js'
import type { WeightSource } from '../weights/source.js'
import { digest, type Digest } from '../weights/rule.js'
import { type RecordedCase } from './case.js'
import { asObject } from '../json.js'
import { fromGrid, toGrid } from './grid.js'

export interface TensorResult {
  readonly name: string
  /** Largest difference over largest expected value. Not a number where the engine gave none. */
  readonly error: number
  readonly tolerance: number
  /** What it is one of, where there are hundreds: `gradients`. */
  readonly group?: string
}

/** Something is missing in a case, or of another shape; it has been reported. */
export class UnfitCase extends Error {}

/** Largest error of a digest, and of a tensor that vanishes (the cases' own README). */
const digestTolerance = 1e-3
const vanishingTolerance = 1e-5

/** The digests under a key of case.json, by the tensor's name. */
export function digestsIn(value: unknown): ReadonlyMap<string, Digest> {
  const digests = Object.entries(asObject(value) ?? {}).flatMap(([name, entry]): [string, Digest][] => {
    const { norm, dot } = asObject(entry) ?? {}
    return typeof norm === 'number' && typeof dot === 'number' ? [[name, { norm, dot }]] : []
  })
  return new Map(digests)
}

/** The tensors that are nothing but rounding. */
export function vanishingIn(json: RecordedCase['json']): ReadonlySet<string> {
  const { vanishing } = json
  return new Set(Array.isArray(vanishing) ? vanishing.filter((name) => typeof name === 'string') : [])
}

/** The tensors of one case. */
export class Figures {
  readonly results: TensorResult[] = []

  constructor(
    private readonly path: string,
    private readonly tensors: WeightSource,
    private readonly tolerance: number,
    private readonly report: Report,
    /** A wider bound for digests, for devices that compute with fewer digits. */
    private readonly digestTolerance = 0,
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

  /** Measures a number relative to the recorded one. */
  compareNumber(name: string, found: number | undefined, expected: unknown): void {
    const error = relativeError([found ?? NaN], [typeof expected === 'number' ? expected : NaN])
    this.results.push({ name, error, tolerance: this.tolerance })
  }

  /**
   * Measures tensors by their recorded digests: the larger of the differences in `norm` and `dot`, relative to `norm`.
   * Of a tensor that vanishes in exact arithmetic only its size counts, as a share of the largest one.
   */
  compareDigests(
    what: string,
    recorded: ReadonlyMap<string, Digest>,
    vanishing: ReadonlySet<string>,
    find: (name: string) => Tensor | undefined,
  ): void {
    const largest = Math.max(...Array.from(recorded.values(), ({ norm }) => norm))
    for (const [name, expected] of recorded) {
      const found = find(name)
      const vanishes = vanishing.has(name)
      // What nothing depends on has no gradient: the same as one of zeros.
      const none = vanishes || expected.norm === 0 ? 0 : NaN
      const { norm, dot } = found ? digest(name, found.data) : { norm: none, dot: none }
      const distance = Math.max(Math.abs(norm - expected.norm), Math.abs(dot - expected.dot))
      const error = vanishes ? norm / largest : distance / (expected.norm || 1)
      const tolerance = Math.max(this.digestTolerance, vanishes ? vanishingTolerance : digestTolerance)
      const group = vanishes ? `vanishing ${what}` : what
      this.results.push({ name, error, tolerance, group })
    }
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
