/** Writes safetensors files tensor by tensor. */
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { bytesOf, elementsOf } from './dtype.js'
import { reporting } from './failure.js'
import type { TensorEntry } from './source.js'
import { piecesOf, writeWeights, type ValuesOf } from './write-file.js'

/** The header with its length, padded so that the data begins at a multiple of 8 bytes. */
function headerBytes(entries: readonly TensorEntry[], metadata: Readonly<Record<string, string>>): Uint8Array {
  let end = 0
  const fields = entries.map(({ name, dtype, shape }) => {
    const start = end
    end += elementsOf(shape) * bytesOf(dtype)
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [start, end] })}`
  })
  if (Object.keys(metadata).length > 0) fields.unshift(`"__metadata__":${JSON.stringify(metadata)}`)
  const json = new TextEncoder().encode(`{${fields.join(',')}}`)
  const bytes = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20, 8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true)
  bytes.set(json, 8)
  return bytes
}

/**
 * The bytes of a safetensors file, asking `valuesOf` for one tensor after the other. Wider element types come first,
 * otherwise in the given order, so that every tensor is aligned. Repeated names are the caller's bug.
 */
export async function* safetensorsPieces(
  entries: readonly TensorEntry[],
  valuesOf: ValuesOf,
  metadata: Readonly<Record<string, string>> = {},
): AsyncGenerator<Uint8Array> {
  const names = new Set(entries.map((entry) => entry.name))
  if (names.size !== entries.length || names.has('__metadata__')) throw new Error('tensor names are not unique')
  const ordered = entries.toSorted((a, b) => bytesOf(b.dtype) - bytesOf(a.dtype))
  yield headerBytes(ordered, metadata)
  for (const entry of ordered) yield* piecesOf(entry, valuesOf)
}

/**
 * Writes safetensorsPieces to `path`. The file appears whole or not at all. A disk that refuses is reported; true if
 * the file was written.
 */
export async function writeSafetensors(
  path: string,
  entries: readonly TensorEntry[],
  valuesOf: ValuesOf,
  report: Report,
  metadata: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  const written = await reporting(path, report, async () => {
    await writeWeights(path, async (output) => {
      for await (const piece of safetensorsPieces(entries, valuesOf, metadata)) await output.append(piece)
    })
    return true
  })
  return written === true
}
