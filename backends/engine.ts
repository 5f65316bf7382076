/** What all engines share: a graph and its weights go in, a session that runs it comes out. */
import type { Graph } from '../compiler/ir/graph.js'
import type { Tensor } from '../compiler/ir/tensor.js'

/** Where the numbers of parameters come from. */
export interface ParameterValues {
  /** The numbers of one parameter, row-major. */
  read(name: string): Promise<Float32Array>
  /** The same in pieces, each valid until the next one is asked for; given where they need not be held as a whole. */
  pieces?(name: string): AsyncIterable<Float32Array>
}

export interface EngineOptions {
  /** One of the engine's devices. */
  readonly device: string
  /** Threads for one run; the engine's own choice where absent. */
  readonly threads?: number
  /** What most of the computation is in; float32 where absent. Parameters and results are float32 in any case. */
  readonly precision?: 'float32' | 'float16'
  /**
   * Whether the graph trains. Its parameters are then read anew in each run, out of the very arrays that the weights
   * gave: whoever changes those changes the parameters.
   */
  readonly trains?: boolean
}

/** A prepared graph. */
export interface Session {
  /**
   * One run. Inputs and outputs go by their names in the graph. Gradients of parameters hold until the next run, which
   * may write into the same arrays. Throws InputError where an input does not fit.
   */
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>
  /** Frees what the session holds; it must not run afterwards. */
  dispose(): Promise<void>
}

export interface Engine {
  readonly name: string
  /** The first one is the default. */
  readonly devices: readonly string[]
  /** What is tried where the device is left to the engine, in this order; the last one is always there. */
  readonly auto: readonly string[]
  /** Whether the number of threads can be chosen. */
  readonly takesThreads: boolean
  /** Whether something can be computed on a device here. */
  works(device: string): Promise<boolean>
  prepare(graph: Graph, weights: ParameterValues, options: EngineOptions): Promise<Session>
}
