/** ONNX Runtime as an engine: graphs are lowered to ONNX and run on a processor or a graphics card. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { InternalError } from '../../compiler/diagnostics/internal.js'
import type { Graph } from '../../compiler/ir/graph.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import type { Engine, EngineOptions, ParameterValues, Session } from '../engine.js'
import { bindInputs } from '../inputs.js'
import { EngineUnavailable } from '../unavailable.js'
import { channelBlock } from './channel_block.js'
import { threadSettings } from './cores.js'
import { deviceMissing, devices, firstLine, isDevice, type Device } from './devices.js'
import { works } from './probe.js'
import { nodesOf, type NamedOperator } from './encode.js'
import { defaultLowering, lower } from './lower.js'
import type { OnnxModel } from './model.js'
import { givesGradients, ResultArrays, untilConverted, withSequence } from './results.js'
import { encodeWithWeights, inlineLimit, weightBytes, writeModel } from './write.js'

type Runtime = typeof import('onnxruntime-node')

interface Loaded {
  readonly session: InferenceSession
  /** Files that the session still holds. */
  readonly folder: string | undefined
}

type Inputs = Readonly<Record<string, Tensor>>

/** What a run is asked for, with arrays to write into; undefined: all results, in new arrays. */
type Fetches = Readonly<Record<string, OrtTensor | null>> | undefined

/**
 * ONNX Runtime plans one block for all that it remembers between two runs, and keeps what the first run took beside it:
 * without, training a small model takes 1.4 GB instead of 2.5, in the same time.
 */
const forTraining = { enableMemPattern: false } as const satisfies InferenceSession.SessionOptions

export const onnx: Engine = {
  name: 'onnx',
  devices,
  auto: ['cuda', 'webgpu', 'cpu'],
  takesThreads: true,
  works: (device) => Promise.resolve(isDevice(device) && works(device)),
  async prepare(graph, weights, { device, threads, trains = false, precision = 'float32' }) {
    if (!isDevice(device)) throw new InternalError(`ONNX Runtime has no device \`${device}\``)
    const runtime = await loadRuntime()
    const block = trains && device === 'cpu' ? await channelBlock(runtime) : undefined
    const inPlace = trains && device === 'cpu' && givesGradients(graph)
    const lowered = lower(graph, {
      ...defaultLowering,
      precision,
      trains,
      ...(block === undefined ? {} : { channelBlock: block }),
    })
    const model = inPlace ? withSequence(lowered) : lowered
    const options = { ...sessionOptions(model.nodes, device, threads), ...(trains ? forTraining : {}) }
    const loaded = await create(runtime, model, weights, options).catch((cause: unknown) => {
      throw works(device) ? cause : deviceMissing(device, cause)
    })
    const outputs = graph.outputs.map(({ name }) => name)
    const parameters = trains ? await givenParameters(runtime, graph, model, weights) : {}
    const arrays = new ResultArrays(graph, (data, shape) => new runtime.Tensor('float32', data, shape))
    const bind = (inputs: Inputs) => {
      const bindings = bindInputs(graph, inputs)
      return inPlace ? arrays.fetches(bindings) : undefined
    }
    return new OnnxSession(runtime, loaded, outputs, bind, parameters)
  },
}

/** The arrays of a training graph's parameters as tensors that share them. */
async function givenParameters(
  { Tensor }: Runtime,
  graph: Graph,
  { inputs }: OnnxModel,
  weights: ParameterValues,
): Promise<Readonly<Record<string, OrtTensor>>> {
  const given = new Set(inputs.map(({ name }) => name))
  const read = graph.parameters.filter(({ name }) => given.has(name))
  const tensors = read.map(async ({ name, shape }) => [name, new Tensor('float32', await weights.read(name), shape)])
  return Object.fromEntries(await Promise.all(tensors)) as Readonly<Record<string, OrtTensor>>
}

/** A session of an ONNX file that was written before. Throws EngineUnavailable where the device is missing. */
export async function openModel(path: string, { device, threads }: EngineOptions): Promise<Session> {
  if (!isDevice(device)) throw new InternalError(`ONNX Runtime has no device \`${device}\``)
  const runtime = await loadRuntime()
  const nodes = device === 'webgpu' ? await nodesOf(path) : []
  const options = sessionOptions(nodes, device, threads)
  const session = await runtime.InferenceSession.create(path, options).catch((cause: unknown) => {
    throw works(device) ? cause : deviceMissing(device, cause)
  })
  return new OnnxSession(runtime, { session, folder: undefined }, session.outputNames, () => undefined)
}

/**
 * Imported on first use: checking and formatting need no engine. From version 1.29 on, ONNX Runtime reports file names,
 * hashes and timings of models to Microsoft on Linux and macOS unless this variable is set; a user may still set it to 0.
 */
export async function loadRuntime(): Promise<Runtime> {
  process.env.ORT_DISABLE_TELEMETRY ??= '1'
  try {
    const runtime = await import('onnxruntime-node')
    // Of the environment, not of sessions: what goes wrong there is also thrown, and told in better words.
    runtime.env.logLevel = 'fatal'
    return runtime
  } catch (cause) {
    throw new EngineUnavailable(
      `ONNX Runtime cannot be loaded: ${firstLine(cause)}`,
      'run `npm install onnxruntime-node`; it has files for Linux, Windows and macOS',
    )
  }
}

function sessionOptions(
  nodes: readonly NamedOperator[],
  device: Device,
  threads: number | undefined,
): InferenceSession.SessionOptions {
  return {
    // Not [device, 'cpu']: that would run on the processor without a word where the device is missing.
    executionProviders: [device === 'webgpu' ? withExactSines(nodes) : device],
    graphOptimizationLevel: 'all',
    // On other devices ONNX Runtime warns of shape computations that stay on the processor, where they belong.
    logSeverityLevel: device === 'cpu' ? 2 : 3,
    ...threadSettings(threads),
  }
}

/** WebGPU promises no more than 11 bits of sine and cosine, and none beyond pi; the processor takes the few there are. */
function withExactSines(nodes: readonly NamedOperator[]): InferenceSession.ExecutionProviderConfig {
  const sines = nodes.filter(({ opType }) => opType === 'Sin' || opType === 'Cos').map(({ name }) => name)
  return { name: 'webgpu', ...(sines.length > 0 ? { forceCpuNodeNames: sines } : {}) }
}

/**
 * Large weights go through a temporary folder: ONNX Runtime maps the file, while a model handed over in memory is there
 * three times as it loads (measured: 240 MB in memory took 3.5 s and 750 MB more, 280 MB through a file 1.5 s and 70 MB).
 */
async function create(
  { InferenceSession }: Runtime,
  model: OnnxModel,
  weights: ParameterValues,
  options: InferenceSession.SessionOptions,
): Promise<Loaded> {
  if (weightBytes(model) <= inlineLimit) {
    const session = await InferenceSession.create(await encodeWithWeights(model, weights), options)
    return { session, folder: undefined }
  }
  const folder = await mkdtemp(join(tmpdir(), 'mdmc-'))
  try {
    const path = join(folder, 'model.onnx')
    await writeModel(model, weights, path)
    const session = await InferenceSession.create(path, options)
    return { session, folder: (await removed(folder)) ? undefined : folder }
  } catch (error) {
    await removed(folder)
    throw error
  }
}

/** Windows does not delete a file that is mapped; it is tried again when the session ends. */
function removed(folder: string): Promise<boolean> {
  return rm(folder, { recursive: true, force: true }).then(
    () => true,
    () => false,
  )
}

class OnnxSession implements Session {
  readonly #runtime: Runtime
  readonly #session: InferenceSession
  readonly #folder: string | undefined
  readonly #outputs: readonly string[]
  readonly #parameters: Readonly<Record<string, OrtTensor>>
  readonly #bind: (inputs: Inputs) => Fetches

  /** `bind` throws InputError where inputs do not fit. */
  constructor(
    runtime: Runtime,
    { session, folder }: Loaded,
    outputs: readonly string[],
    bind: (inputs: Inputs) => Fetches,
    parameters: Readonly<Record<string, OrtTensor>> = {},
  ) {
    this.#parameters = parameters
    this.#runtime = runtime
    this.#session = session
    this.#folder = folder
    this.#outputs = outputs
    this.#bind = bind
  }

  async run(inputs: Inputs): Promise<Readonly<Record<string, Tensor>>> {
    const fetches = this.#bind(inputs)
    const given = Object.entries(inputs).map(([name, tensor]) => [name, this.#given(tensor)] as const)
    const feeds = { ...this.#parameters, ...Object.fromEntries(given) }
    if (fetches) await untilConverted(this.#session.run(feeds, fetches))
    const results: Readonly<Record<string, OrtTensor | null>> = fetches ?? (await this.#session.run(feeds))
    return Object.fromEntries(this.#outputs.map((name) => [name, taken(name, results[name])]))
  }

  async dispose(): Promise<void> {
    await this.#session.release()
    if (this.#folder !== undefined) await removed(this.#folder)
  }

  #given({ data, shape }: Tensor): OrtTensor {
    const { Tensor } = this.#runtime
    if (data instanceof Float32Array) return new Tensor('float32', data, shape)
    if (data instanceof Uint8Array) return new Tensor('bool', data, shape)
    return new Tensor('int64', BigInt64Array.from(data, BigInt), shape)
  }
}

function taken(name: string, tensor: OrtTensor | null | undefined): Tensor {
  if (!tensor) throw new InternalError(`the output ${name} is missing`)
  const { data, dims: shape } = tensor
  if (data instanceof Float32Array || data instanceof Uint8Array) return { shape, data }
  if (data instanceof BigInt64Array) return { shape, data: Float64Array.from(data, Number) }
  throw new InternalError(`the output ${name} has the type ${tensor.type}`)
}
