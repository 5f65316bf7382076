/** tfjs as an engine: graphs become programs of tfjs, which run in WebAssembly, on a graphics card or in JavaScript. */
import { compileFunction } from 'node:vm'
import type { Tensor as TfjsTensor } from '@tensorflow/tfjs-core'
import { InternalError, raise } from '../../compiler/diagnostics/internal.js'
import type { Graph } from '../../compiler/ir/graph.js'
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'
import type { Engine, ParameterValues, Session } from '../engine.js'
import { bindInputs } from '../inputs.js'
import { devices, isDevice, loadDevice, type Device, type Tfjs } from './devices.js'
import { lower } from './lower.js'
import { expectRoom, peakBytes, peaksOf, type Bytes } from './peak.js'
import { works } from './probe.js'
import type { Program } from './program.js'
import { downloaded, uploaded } from './tensors.js'
import { programText, type ProgramFunctions, type Stored, type Tensors } from './text.js'

export const tfjs: Engine = {
  name: 'tfjs',
  devices,
  auto: ['tensorflow', 'webgpu', 'wasm', 'cpu'],
  takesThreads: false,
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

function functionsOf(tf: Tfjs, program: Program): ProgramFunctions {
  const constant = (index: number) =>
    uploaded(tf, program.constants[index] ?? raise('a constant is missing'), 'a constant')
  const make = compileFunction(`${programText(program)}return { prepare, run }`, ['tf', 'constant'])
  return (make as (tf: Tfjs, constants: typeof constant) => ProgramFunctions)(tf, constant)
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
  readonly #run: ProgramFunctions['run']
  readonly #stored: Stored
  readonly #peaks: readonly Bytes[]
  readonly #parameters: ReadonlyMap<string, Float32Array>

  private constructor(
    prepared: Prepared,
    run: ProgramFunctions['run'],
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
        const read = Object.entries(results).map(async ([name, tensor]) => [name, await downloaded(tensor)] as const)
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
    const given = program.inputs.map(({ name }) => {
      const tensor = inputs[name] ?? raise(`the input ${name} is missing`)
      return [name, uploaded(tf, tensor, name)] as const
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
