/**
 * The parameters of a model in training, on the device: those that are trained lie one after the other in a few long
 * tensors, so that a step of the optimiser is a few operations whatever the number of parameters.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Tensors } from '../../backends/tfjs/text.js'
import { gradientName } from '../../compiler/training.js'
import type { Adam } from '../optimise/adam.js'
import { elementsOf } from '../weights/dtype.js'
import { lookUp } from '../weights/source.js'
import type { ParameterEntry } from './description.js'
import type { Which } from './public.js'

/** Elements of an arena, unless a single parameter has more: the wasm backend copies all of a tensor to take a slice. */
const arenaLength = 2 ** 16
/** Squares are summed in rows of this length, and the rows in float64. */
const rowLength = 1024

interface Member {
  readonly name: string
  readonly at: number
  readonly count: number
}

/** What is kept of an arena, each a tensor of its length; the average where there is one. */
interface State extends Record<string, tf.Tensor> {
  readonly values: tf.Tensor
  readonly firstMoment: tf.Tensor
  readonly secondMoment: tf.Tensor
}

interface Plan {
  readonly members: Member[]
  /** Elements that are used; there are as many more as make the last row whole. */
  length: number
}

interface Arena extends Plan {
  state: State
}

export class Parameters {
  readonly #arenas: readonly Arena[]
  readonly #places: ReadonlyMap<string, { readonly arena: Arena; readonly member: Member }>
  readonly #fixed = new Map<string, tf.Tensor>()

  private constructor(arenas: readonly Arena[]) {
    this.#arenas = arenas
    const places = arenas.flatMap((arena) => arena.members.map((member) => [member.name, { arena, member }] as const))
    this.#places = new Map(places)
  }

  /** Begins with these values: the average, where there is one, is equal to them, the moments are zero. */
  static async of(
    entries: readonly ParameterEntry[],
    read: (name: string) => Promise<Float32Array>,
    hasAverage: boolean,
  ): Promise<Parameters> {
    const arenas: Arena[] = []
    for (const plan of planned(entries)) {
      const numbers = new Float32Array(Math.ceil(plan.length / rowLength) * rowLength)
      for (const { name, at } of plan.members) numbers.set(await read(name), at)
      const values = tf.tensor(numbers)
      const moments = { firstMoment: tf.zerosLike(values), secondMoment: tf.zerosLike(values) }
      arenas.push({ ...plan, state: { values, ...moments, ...(hasAverage ? { average: tf.clone(values) } : {}) } })
    }
    const parameters = new Parameters(arenas)
    for (const [name, shape, trained] of entries)
      if (!trained) parameters.#fixed.set(name, tf.tensor(await read(name), [...shape]))
    return parameters
  }

  /** A parameter as a tensor of the caller's own. */
  tensor(name: string, shape: number[], which: Which = 'weights'): tf.Tensor {
    const fixed = this.#fixed.get(name)
    if (fixed !== undefined) return tf.clone(fixed)
    const { arena, member } = lookUp(this.#places, name)
    const values = arena.state[which === 'average' ? 'average' : 'values'] ?? arena.state.values
    return tf.tidy(() => tf.reshape(tf.slice(values, member.at, member.count), shape))
  }

  /** A parameter's numbers, row-major. */
  async read(name: string, which: Which): Promise<Float32Array> {
    const tensor = this.tensor(name, [-1], which)
    try {
      return (await tensor.data()) as Float32Array
    } finally {
      tensor.dispose()
    }
  }

  /** The gradients among a program's outputs, a tensor for each arena. The outputs are disposed. */
  gathered(outputs: Tensors): tf.Tensor[] {
    return this.#arenas.map(({ members, length, state }) =>
      tf.tidy(() => {
        const flat = members.map(({ name }) => {
          const gradient = outputs[gradientName(name)]
          if (gradient === undefined) throw new Error(`the program gives no gradient of ${name}`)
          const row = tf.reshape(gradient, [-1])
          gradient.dispose()
          return row
        })
        const rest = state.values.size - length
        return tf.concat(rest > 0 ? [...flat, tf.zeros([rest])] : flat)
      }),
    )
  }

  /** A step of Adam on all arenas, as the kernel of runtime/optimise takes it. */
  step(gradients: readonly tf.Tensor[], adam: Adam): void {
    this.#arenas.forEach((arena, i) => {
      const gradient = gradients[i]
      if (gradient === undefined) return
      const before = arena.state
      arena.state = tf.tidy(() => stepped(before, gradient, adam))
      tf.dispose(before)
    })
  }

  dispose(): void {
    tf.dispose([...this.#fixed.values()])
    for (const { state } of this.#arenas) tf.dispose(state)
  }
}

/** Divides the trained parameters into arenas. */
function planned(entries: readonly ParameterEntry[]): readonly Plan[] {
  const plans: Plan[] = []
  for (const [name, shape, trained] of entries) {
    if (!trained) continue
    const count = elementsOf(shape)
    let last = plans.at(-1)
    if (last === undefined || last.length + count > arenaLength) plans.push((last = { members: [], length: 0 }))
    last.members.push({ name, at: last.length, count })
    last.length += count
  }
  return plans
}

function stepped({ values, firstMoment, secondMoment, average }: State, gradient: tf.Tensor, adam: Adam): State {
  const scaled = tf.mul(gradient, adam.scale)
  const g = adam.coupled > 0 ? tf.add(scaled, tf.mul(values, adam.coupled)) : scaled
  const first = tf.add(firstMoment, tf.mul(tf.sub(g, firstMoment), adam.gain1))
  const second = tf.add(tf.mul(secondMoment, adam.beta2), tf.mul(tf.square(g), adam.gain2))
  const change = tf.div(tf.mul(first, adam.rate), tf.add(tf.sqrt(second), adam.epsilon))
  const next = tf.sub(tf.mul(values, adam.kept), change)
  const followed = average && { average: tf.add(average, tf.mul(tf.sub(next, average), adam.averageGain)) }
  return { values: next, firstMoment: first, secondMoment: second, ...followed }
}

/** The L2 norm of gradients; not finite where an element is not. */
export async function normOf(gradients: readonly tf.Tensor[]): Promise<number> {
  if (gradients.length === 0) return 0
  const rows = tf.tidy(() =>
    tf.concat(gradients.map((gradient) => tf.sum(tf.square(tf.reshape(gradient, [-1, rowLength])), 1))),
  )
  // Read at once: each wait for a graphics card costs as much as its work.
  const sums = await rows.data().finally(() => rows.dispose())
  let squares = 0
  for (const sum of sums) squares += sum
  return Math.sqrt(squares)
}
