/** tfjs as an engine: graphs become programs of tfjs, which run in WebAssembly, on a graphics card or in JavaScript. */
import { compileFunction } from 'node:vm'
import type { Tensor as TfjsTensor } from '@tensorflow/tfjs-core'
import { InternalError, raise } from '../../compiler/diagnostics/internal.js'
import type { Bindings } from '../../compiler/ir/dimension.js'
import type { Graph } from '../../compiler/ir/graph.js'
import { dataTypeOf, elementCount, type Tensor } from '../../compiler/ir/tensor.js'
import type { Engine, ParameterValues, Session } from '../engine.js'
import { bindInputs, InputError } from '../inputs.js'
import { devices, isDevice, loadDevice, type Device, type Tfjs } from './devices.js'
import { lower } from './lower.js'
import { expectRoom, peakBytes, peaksOf, type Bytes } from './peak.js'
import { works } from './probe.js'
import type { Program } from './program.js'
import { programText } from './text.js'

export const tfjs: Engine = {
  name: 'tfjs',
  devices,
  auto: ['tensorflow', 'webgpu', 'wasm', 'cpu'],
  works: (device) => Promise.resolve(isDevice(device) && works(device)),
  async prepare(graph, weights, { device, trains = false }) {
    if (!isDevice(device)) throw new InternalError(`tfjs has no device \`${device}\``)
    const program = lower(graph, { trains })
    return inTurn(async () => {
      const tf = await loadDevice(device)
      return TfjsSession.open({ tf, device, graph, program, trains }, weights)
    })
  },
}

type Tensors = Readonly<Record<string, TfjsTensor>>

/** What is kept from one run to the next, by the functions of the program that read it. */
type Stored = Readonly<Record<string, Tensors>>

/** The functions of a program's text (see programText). */
interface Functions {
  readonly prepare: (parameter: (name: string, shape: number[]) => Promise<TfjsTensor>) => Promise<Stored>
  readonly run: (
    sizes: Bindings,
    inputs: Tensors,
    stored: Stored,
    parameter: (name: string, shape: number[]) => TfjsTensor,
  ) => Tensors
}

function functionsOf(tf: Tfjs, program: Program): Functions {
  const constant = (index: number, shape: number[], dataType: 'float32' | 'int32' | 'bool') =>
    tf.tensor(typed(program.constants[index]), shape, dataType)
  const make = compileFunction(`${programText(program)}return { prepare, run }`, ['tf', 'constant'])
  return (make as (tf: Tfjs, constants: typeof constant) => Functions)(tf, constant)
}

interface Prepared {
  readonly tf: Tfjs
  readonly device: Device
  readonly graph: Graph
  readonly program: Program
  readonly trains: boolean
}

let last: Promise<unknown> = Promise.resolve()

/** tfjs computes on one backend at a time, for all that is at work in a process: one task after the other. */
function inTurn<T>(task: () => Promise<T>): Promise<T> {
  const result = last.then(task)
  last = result.catch(() => undefined)
  return result
}

class TfjsSession implements Session {
  readonly #prepared: Prepared
  readonly #run: Functions['run']
  readonly #stored: Stored
  readonly #peaks: readonly Bytes[]
  readonly #parameters: ReadonlyMap<string, Float32Array>

  private constructor(
    prepared: Prepared,
    run: Functions['run'],
    stored: Stored,
    parameters: ReadonlyMap<string, Float32Array>,
  ) {
    this.#prepared = prepared
    this.#run = run
    this.#stored = stored
    this.#peaks = peaksOf(prepared.program)
    this.#parameters = parameters
  }

  static async open(prepared: Prepared, weights: ParameterValues): Promise<TfjsSession> {
    const { tf, program, trains, graph } = prepared
    const numbers = graph.parameters.reduce((count, { shape }) => count + elementCount(shape), 0)
    expectRoom(tf, numbers * Float32Array.BYTES_PER_ELEMENT)
    const parameters = new Map<string, Float32Array>()
    if (trains) for (const { name } of graph.parameters) parameters.set(name, await weights.read(name))
    const { prepare, run } = functionsOf(tf, program)
    const stored = await prepare(async (name, shape) =>
      tf.tensor(fitting(name, await weights.read(name), shape), shape),
    )
    return new TfjsSession(prepared, run, stored, parameters)
  }

  run(inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>> {
    return inTurn(async () => {
      const { tf, device, graph } = this.#prepared
      const sizes = bindInputs(graph, inputs)
      await tf.setBackend(device)
      expectRoom(tf, peakBytes(this.#peaks, sizes))
      // The program disposes what it makes; should it fail on its way, tidy does.
      const results = tf.tidy(() => this.#run(sizes, this.#given(inputs), this.#stored, this.#parameter))
      try {
        const read = Object.entries(results).map(async ([name, tensor]) => [name, await taken(tensor)] as const)
        return Object.fromEntries(await Promise.all(read))
      } finally {
        tf.dispose(results)
      }
    })
  }

  dispose(): Promise<void> {
    return inTurn(async () => this.#prepared.tf.dispose(this.#stored))
  }

  #given(inputs: Readonly<Record<string, Tensor>>): Tensors {
    const { tf, program } = this.#prepared
    const types = { float32: 'float32', int64: 'int32', bool: 'bool' } as const
    const given = program.inputs.map(({ name }) => {
      const tensor = inputs[name] ?? raise(`the input ${name} is missing`)
      return [name, tf.tensor(typed(tensor, name), [...tensor.shape], types[dataTypeOf(tensor.data)])] as const
    })
    return Object.fromEntries(given)
  }

  readonly #parameter = (name: string, shape: number[]): TfjsTensor => {
    const values = this.#parameters.get(name) ?? raise(`nobody gave the parameter ${name}`)
    return this.#prepared.tf.tensor(fitting(name, values, shape), shape)
  }
}

function fitting(name: string, values: Float32Array, shape: readonly number[]): Float32Array {
  if (values.length === elementCount(shape)) return values
  throw new Error(`the weights hold ${values.length} numbers for ${name}, which has ${elementCount(shape)}`)
}

/** The numbers as tfjs holds them. Whole numbers have 32 bits there. */
function typed(tensor: Tensor | undefined, name = 'a constant'): Float32Array | Int32Array | Uint8Array {
  const { data } = tensor ?? raise('a constant is missing')
  if (!(data instanceof Float64Array)) return data
  const whole = Int32Array.from(data)
  if (whole.some((value, i) => value !== data[i])) throw new InputError(`${name} has numbers of more than 32 bits`)
  return whole
}

async function taken(tensor: TfjsTensor): Promise<Tensor> {
  const data = await tensor.data()
  return { shape: tensor.shape, data: data instanceof Int32Array ? Float64Array.from(data) : data }
}
