/** Safetensors files in memory: read from where the user has them, checked against the model's parameters, written. */
import { reporting } from '../weights/failure.js'
import { fitWeights } from '../weights/fit.js'
import { safetensorsSource } from '../weights/safetensors.js'
import type { RandomAccess, TensorEntry, WeightSource } from '../weights/source.js'
import { safetensorsPieces } from '../weights/write-safetensors.js'
import type { ParameterEntry } from './description.js'
import { laterSuccessOf } from './findings.js'
import type { WeightsAt } from './public.js'

/** The weights of a model. Throws an Error that says what is wrong with them. */
export async function readWeights(at: WeightsAt, parameters: readonly ParameterEntry[]): Promise<WeightSource> {
  const about = at instanceof ArrayBuffer || at instanceof Uint8Array ? 'the given bytes' : String(at)
  const expected = parameters.map(([name, shape]) => ({ name, shape }))
  return laterSuccessOf(async (report) => {
    const bytes = await bytesAt(at)
    const source = await reporting(about, report, () => safetensorsSource(inMemory(bytes)))
    return source && fitWeights(source, expected, about, report)
  }).catch((error: unknown) => {
    throw new Error(`the weights cannot be used (${about})\n${error instanceof Error ? error.message : ''}`)
  })
}

/** The bytes of a safetensors file with these tensors, in float32. */
export async function writeWeights(
  model: string,
  parameters: readonly ParameterEntry[],
  valuesOf: (name: string) => Promise<Float32Array>,
): Promise<Uint8Array> {
  const entries = parameters.map(([name, shape]): TensorEntry => ({ name, dtype: 'F32', shape }))
  const pieces: Uint8Array[] = []
  for await (const piece of safetensorsPieces(entries, ({ name }) => valuesOf(name), { model })) pieces.push(piece)
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

async function bytesAt(at: WeightsAt): Promise<Uint8Array> {
  if (at instanceof Uint8Array) return at
  if (at instanceof ArrayBuffer) return new Uint8Array(at)
  // Asked of the process, since bundlers for browsers stumble over an import.
  const isNode = typeof process !== 'undefined' && 'getBuiltinModule' in process
  const files = isNode ? process.getBuiltinModule('node:fs/promises') : undefined
  if (files !== undefined && !/^(?!file:)[a-z]{2,}:/i.test(String(at)))
    return files.readFile(String(at).startsWith('file:') ? new URL(at) : at)
  const response = await fetch(at)
  if (!response.ok) throw new Error(`the server answers ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}

function inMemory(bytes: Uint8Array): RandomAccess {
  return {
    size: bytes.length,
    readInto: async (target, position) => target.set(bytes.subarray(position, position + target.length)),
    bytes: async (position, length) => bytes.slice(position, position + length),
    close: async () => undefined,
  }
}
