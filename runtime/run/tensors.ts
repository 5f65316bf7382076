/** Tensors of a running training as safetensors files. */
import { createHash } from 'node:crypto'
import { writeOutput } from '../../files/whole.js'
import type { TensorEntry } from '../weights/source.js'
import { safetensorsPieces } from '../weights/write-safetensors.js'

/** A named view of values that live elsewhere, row-major. They must stay as they are while they are being written. */
export interface NamedTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** Size and hash of a file. */
export interface FileDigest {
  readonly bytes: number
  readonly sha256: string
}

/** Writes a new file, which is on the disk when this ends, without a copy of the values in memory. */
export async function writeTensors(
  path: string,
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>>,
): Promise<FileDigest> {
  const values = new Map(tensors.map((tensor) => [tensor.name, tensor.values]))
  const entries = tensors.map(({ name, shape }): TensorEntry => ({ name, dtype: 'F32', shape }))
  const hash = createHash('sha256')
  let bytes = 0
  await writeOutput(path, async (output) => {
    for await (const piece of safetensorsPieces(
      entries,
      ({ name }) => values.get(name) ?? new Float32Array(),
      metadata,
    )) {
      const writing = output.append(piece)
      // Meanwhile: the disk is at work on the same piece.
      hash.update(piece)
      await writing
    }
    bytes = output.position
  })
  return { bytes, sha256: hash.digest('hex') }
}
