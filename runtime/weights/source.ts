/** What every reader of weights offers, whatever the format. */
import type { Dtype } from './dtype.js'

/** A plain value of a foreign file: settings and counters that stand beside the weights. Objects have no prototype. */
export type PlainValue =
  null | boolean | number | string | readonly PlainValue[] | { readonly [key: string]: PlainValue }

/** Bytes that are read at any place: a file's, or those of memory. */
export interface RandomAccess {
  readonly size: number
  /** Fills `target` with the bytes from `position` on. */
  readInto(target: Uint8Array, position: number): Promise<void>
  /** The bytes from `position` on; the caller bounds `length`. */
  bytes(position: number, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** A tensor as a list of contents describes it. */
export interface TensorEntry {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
}

/** Named tensors, read one at a time. Files stay open until `close`. */
export interface WeightSource {
  /** In the order of the file. */
  readonly entries: readonly TensorEntry[]
  /** What the file says beside its tensors: a safetensors file's strings, a checkpoint's counters and settings. */
  readonly metadata: ReadonlyMap<string, PlainValue>
  /**
   * All elements of a tensor, row-major, rounded once to float32. Throws a WeightFailure if the file
   * became unreadable since it was opened, and an Error for a name that is not among the entries.
   */
  read(name: string): Promise<Float32Array>
  /**
   * A tensor's elements as stored: row-major, little-endian, in pieces of whole elements. A piece is valid
   * only until the next one is asked for. Throws as `read`.
   */
  bytes(name: string): AsyncIterable<Uint8Array>
  /** As `read`, in pieces as those of `bytes`. */
  pieces?(name: string): AsyncIterable<Float32Array>
  close(): Promise<void>
}

/** Looks a tensor up by name; a name that is not there is the caller's bug. */
export function lookUp<T>(entries: ReadonlyMap<string, T>, name: string): T {
  const entry = entries.get(name)
  if (entry === undefined) throw new Error(`no tensor is named ${JSON.stringify(name)}`)
  return entry
}

/** Weights that are in no file: `compute` gives a parameter's values, row-major, each time it is read. */
export function computedWeights<P extends { readonly name: string; readonly shape: readonly number[] }>(
  parameters: readonly P[],
  compute: (parameter: P) => Float32Array,
): WeightSource {
  const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]))
  const values = (name: string) => compute(lookUp(byName, name))
  return {
    entries: parameters.map(({ name, shape }) => ({ name, dtype: 'F32', shape })),
    metadata: new Map(),
    read: async (name) => values(name),
    async *bytes(name) {
      yield new Uint8Array(values(name).buffer)
    },
    close: async () => undefined,
  }
}
