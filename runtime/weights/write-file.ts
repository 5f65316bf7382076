/** What the writers of all formats share: values of tensors as bytes, and files that appear whole or not at all. */
import { weightsNotWritable } from '../../compiler/diagnostics/weights.js'
import { systemProblem } from '../../files/problem.js'
import { writeWhole, type Output } from '../../files/whole.js'
import { WeightFailure } from './failure.js'
import { encodedPieces } from './encode.js'
import { bytesOf, elementsOf } from './dtype.js'
import type { TensorEntry } from './source.js'

/** Values for an entry: float32 to be converted to its dtype, or its bytes as stored, whole or in pieces. */
export type TensorValues = Float32Array | Uint8Array | AsyncIterable<Uint8Array>

/** Gives the values of each entry when they are due, so that only one tensor is in memory. */
export type ValuesOf = (entry: TensorEntry) => TensorValues | Promise<TensorValues>

/** Writes `path` by `write`; a failure leaves no file behind and is thrown as a WeightFailure. */
export async function writeWeights(path: string, write: (output: Output) => Promise<void>): Promise<void> {
  try {
    await writeWhole(path, write)
  } catch (error) {
    const problem = systemProblem(error)
    throw problem === undefined ? error : new WeightFailure(weightsNotWritable({ problem }))
  }
}

/** The bytes of an entry in pieces. Values of another size than the entry's are the caller's bug. */
export async function* piecesOf(entry: TensorEntry, valuesOf: ValuesOf): AsyncGenerator<Uint8Array> {
  const values = await valuesOf(entry)
  const pieces =
    values instanceof Float32Array
      ? encodedPieces(entry.dtype, values)
      : values instanceof Uint8Array
        ? [values]
        : values
  const expected = elementsOf(entry.shape) * bytesOf(entry.dtype)
  let count = 0
  for await (const piece of pieces) {
    count += piece.length
    yield piece
  }
  if (count !== expected) throw new Error(`tensor ${entry.name} has ${count} bytes of values, ${expected} expected`)
}
