/** The parameters of a model in training, and what the optimiser keeps of them: live arrays, changed in place. */
import type { Training } from '../../compiler/check/model.js'
import { InternalError } from '../../compiler/diagnostics/internal.js'
import type { Parameter } from '../../compiler/ir/parameter.js'
import { elementCount } from '../../compiler/ir/tensor.js'
import { lookUp, type WeightSource } from '../weights/source.js'
import { Arena, arenaBytes, bytesOf, largestArena, type Kind, type Place } from './arena.js'

/** Parameters that do not fit into memory. */
export class MemoryFailure extends Error {}

export interface StoreOptions extends Pick<Training, 'average' | 'accumulate'> {
  /** Parameters that stay as they are; they have to include those without a gradient. Those only stored always stay. */
  readonly frozen?: (parameter: Parameter) => boolean
  /** Bytes of memory that are asked for at a time, unless a single parameter needs more; 2 GiB by default. */
  readonly arenaBytes?: number
}

/** A parameter that is trained. */
export interface Trained extends Place {
  readonly name: string
  readonly arena: Arena
}

interface Group {
  readonly members: Omit<Trained, 'arena'>[]
  /** Of a section. */
  bytes: number
}

/**
 * Values of all parameters; moments of the trained ones, their moving average where `average` is not 0, and the sum
 * of their gradients where `accumulate` is more than 1. Views of arrays stay valid as long as the store is reachable.
 */
export class ParameterStore {
  readonly settings: Pick<Training, 'average' | 'accumulate'>
  /** In the order of the parameters. */
  readonly trained: readonly Trained[]
  readonly #trained: ReadonlyMap<string, Trained>
  readonly #fixed: ReadonlyMap<string, Float32Array>
  readonly #names: readonly string[]

  /** Everything is zero at first (see `fill`). Throws a MemoryFailure. */
  constructor(parameters: readonly Parameter[], options: StoreOptions) {
    const { average, accumulate, frozen = () => false, arenaBytes: limit = 2 ** 31 } = options
    this.settings = { average, accumulate }
    const kinds: Kind[] = ['values', 'firstMoment', 'secondMoment']
    if (average > 0) kinds.push('average')
    if (accumulate > 1) kinds.push('gradientSum')
    const isTrained = (parameter: Parameter) => parameter.trainable && !frozen(parameter)
    this.#names = parameters.map(({ name }) => name)
    const groups = groupsOf(parameters.filter(isTrained), kinds.length, limit)
    this.trained = groups.flatMap(({ members, bytes }) => {
      const arena = allocate(arenaBytes(kinds.length, bytes), () => new Arena(kinds, bytes))
      return members.map((member) => ({ ...member, arena }))
    })
    this.#trained = new Map(this.trained.map((parameter) => [parameter.name, parameter]))
    const fixed = parameters.filter((parameter) => !isTrained(parameter))
    this.#fixed = new Map(
      fixed.map(({ name, shape }) => {
        const count = elementCount(shape)
        return [name, allocate(4 * count, () => new Float32Array(count))]
      }),
    )
  }

  /** A parameter's values, row-major. */
  values(name: string): Float32Array {
    return this.#fixed.get(name) ?? this.#view('values', name)
  }

  /** A parameter's moving average: the values where it has none. */
  average(name: string): Float32Array {
    return this.#trained.get(name)?.arena.has('average') ? this.#view('average', name) : this.values(name)
  }

  /** Adam's average of a trained parameter's gradient. */
  firstMoment(name: string): Float32Array {
    return this.#view('firstMoment', name)
  }

  /** Adam's average of the squares of a trained parameter's gradient. */
  secondMoment(name: string): Float32Array {
    return this.#view('secondMoment', name)
  }

  /** Begins with the values of a source: averages are equal to them, moments zero. Throws what the source throws. */
  async fill(source: Pick<WeightSource, 'read'>): Promise<void> {
    for (const name of this.#names) {
      copyInto(this.values(name), await source.read(name), name)
      const { arena } = this.#trained.get(name) ?? {}
      if (arena === undefined) continue
      if (arena.has('average')) this.average(name).set(this.values(name))
      this.firstMoment(name).fill(0)
      this.secondMoment(name).fill(0)
    }
  }

  #view(kind: Kind, name: string): Float32Array {
    const parameter = lookUp(this.#trained, name)
    return parameter.arena.view(kind, parameter)
  }
}

function copyInto(array: Float32Array, values: Float32Array, name: string): void {
  if (values.length !== array.length)
    throw new InternalError(`${name} has ${array.length} elements, ${values.length} were given`)
  array.set(values)
}

/** Divides parameters into groups, each for an arena. */
function groupsOf(parameters: readonly Parameter[], kinds: number, limit: number): readonly Group[] {
  const groups: Group[] = []
  let last: Group | undefined
  for (const { name, shape } of parameters) {
    const count = elementCount(shape)
    const bytes = bytesOf(count)
    const alone = arenaBytes(kinds, bytes)
    if (alone > largestArena)
      throw new MemoryFailure(
        `training ${name}, of ${count} elements, takes ${gibibytes(alone)} of memory in one piece; ${gibibytes(largestArena)} are possible`,
      )
    if (last === undefined || arenaBytes(kinds, last.bytes + bytes) > limit)
      groups.push((last = { members: [], bytes: 0 }))
    last.members.push({ name, at: last.bytes, count })
    last.bytes += bytes
  }
  return groups
}

function allocate<T>(bytes: number, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new MemoryFailure(`there is not enough memory for parameters: ${gibibytes(bytes)} more are needed`)
  }
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}
