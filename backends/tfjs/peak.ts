/** How many bytes a program takes at most, known before it runs, and whether the backend has them. */
import {
  evaluateDimension,
  isSymbolic,
  multiply,
  product,
  sum,
  type Bindings,
  type Dimension,
  type Shape,
} from '../../compiler/ir/dimension.js'
import type { DataType } from '../../compiler/ir/tensor.js'
import { EngineUnavailable } from '../unavailable.js'
import { endings, runStatements, storedStatements, type Program } from './program.js'

/** Bytes as a sum of products of sizes, no two of the same symbols. */
export type Bytes = readonly Dimension[]

const bytesPerElement: Readonly<Record<DataType, number>> = { float32: 4, int64: 4, bool: 1 }

/**
 * The bytes of tensors that exist at once in a run, at those places of which one has the most whatever the sizes are:
 * inputs and what is made, without what is kept.
 */
export function peaksOf(program: Program): readonly Bytes[] {
  const statements = runStatements(program)
  const outputs = new Set(program.outputs.map(({ variable }) => variable))
  const given = program.inputs.map(({ variable }) => variable)
  const ending = endings(statements, outputs, given)
  const { kept } = storedStatements(program)
  const memory = new Map<string, { readonly bytes: Dimension; names: number }>()
  const live = new Map<string, Dimension>()
  const add = (bytes: Dimension) => {
    const key = symbolsOf(bytes)
    live.set(key, sum(live.get(key) ?? 0, bytes) ?? 0)
  }
  const make = (name: string, shape: Shape, dataType: DataType) => {
    const bytes = multiply(product(shape), bytesPerElement[dataType])
    memory.set(name, { bytes, names: 1 })
    add(bytes)
  }
  for (const { variable, type } of program.inputs) make(variable, type.shape, 'float32')
  let peaks: readonly ReadonlyMap<string, Dimension>[] = [new Map(live)]
  for (const statement of statements) {
    const { result, shape, dataType, viewOf, scratch = [] } = statement
    const shared = viewOf === undefined ? undefined : memory.get(viewOf)
    if (shared !== undefined) {
      shared.names++
      memory.set(result, shared)
    } else if (viewOf === undefined || !kept.has(viewOf)) {
      make(result, shape, dataType)
    }
    for (const count of scratch) add(multiply(count, bytesPerElement.float32))
    if (!peaks.some((peak) => covers(peak, live)))
      peaks = [...peaks.filter((peak) => !covers(live, peak)), new Map(live)]
    for (const count of scratch) add(multiply(count, -bytesPerElement.float32))
    for (const name of ending.get(statement) ?? []) {
      const held = memory.get(name)
      if (held !== undefined && --held.names === 0) add(multiply(held.bytes, -1))
    }
  }
  return peaks.map((peak) => [...peak.values()].filter((bytes) => bytes !== 0))
}

/** The most bytes for these sizes. */
export function peakBytes(peaks: readonly Bytes[], sizes: Bindings): number {
  return Math.max(...peaks.map((peak) => peak.reduce<number>((all, bytes) => all + evaluateDimension(bytes, sizes), 0)))
}

/** Whether a has as much of everything as b. */
function covers(a: ReadonlyMap<string, Dimension>, b: ReadonlyMap<string, Dimension>): boolean {
  return [...b].every(([key, bytes]) => coefficientOf(a.get(key) ?? 0) >= coefficientOf(bytes))
}

function symbolsOf(bytes: Dimension): string {
  return isSymbolic(bytes) ? bytes.symbols.join() : ''
}

function coefficientOf(bytes: Dimension): number {
  return isSymbolic(bytes) ? bytes.coefficient : bytes
}

/** What WebAssembly can address, less some room for the backend itself. */
const wasmBytes = 2 ** 32 - 2 ** 26

/** The part of tfjs that knows how much is taken already. */
interface Backend {
  getBackend(): string
  memory(): { readonly numBytes: number }
}

/**
 * Refuses what the wasm backend would write over its own memory for: it does not look whether it was given any. Throws
 * EngineUnavailable.
 */
export function expectRoom(tf: Backend, bytes: number): void {
  const needed = tf.memory().numBytes + bytes
  if (tf.getBackend() !== 'wasm' || needed <= wasmBytes) return
  throw new EngineUnavailable(
    `this takes ${(needed / 2 ** 30).toFixed(1)} GiB, and the backend \`wasm\` has 4`,
    'use smaller batches, or another backend',
  )
}
