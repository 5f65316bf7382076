/** Tensors whose elements lie in one piece of a file: how both formats are read. */
import { weightsTooLarge } from '../../compiler/diagnostics/weights.js'
import { decodeInto, swapBytes } from './decode.js'
import { bytesOf, elementsOf } from './dtype.js'
import { WeightFailure } from './failure.js'
import type { RandomAccess, TensorEntry } from './source.js'

/** A tensor and where its first byte lies. */
export interface StoredTensor extends TensorEntry {
  readonly position: number
  readonly bigEndian: boolean
}

const pieceBytes = 4 * 2 ** 20
const largestTensor = 2 ** 31

/** Bounds what reading a tensor allocates: two milliard elements. */
export function requireReadable(name: string, elements: number): void {
  if (elements <= largestTensor) return
  throw new WeightFailure(
    weightsTooLarge({ what: `the size of tensor ${JSON.stringify(name.slice(0, 120))}`, limit: '2^31 elements' }),
  )
}

/** Buffers that no reader holds: fresh memory for every tensor costs more than reading it. */
const spare: Uint8Array[] = []

/** Bytes of a file in pieces; every piece but the last is a multiple of 8 bytes long. The buffer is used again. */
export async function* filePieces(file: RandomAccess, position: number, length: number): AsyncGenerator<Uint8Array> {
  const buffer = spare.pop() ?? new Uint8Array(pieceBytes)
  try {
    for (let done = 0; done < length; done += buffer.length) {
      const piece = buffer.subarray(0, Math.min(buffer.length, length - done))
      await file.readInto(piece, position + done)
      yield piece
    }
  } finally {
    if (spare.length < 4) spare.push(buffer)
  }
}

/** A tensor's elements, little-endian, in pieces. */
export async function* storedPieces(file: RandomAccess, tensor: StoredTensor): AsyncGenerator<Uint8Array> {
  const size = bytesOf(tensor.dtype)
  for await (const piece of filePieces(file, tensor.position, elementsOf(tensor.shape) * size)) {
    if (tensor.bigEndian) swapBytes(piece, size)
    yield piece
  }
}

/** A tensor's elements as float32. Float32 is read in place; other types go through a small buffer. */
export async function readStored(file: RandomAccess, tensor: StoredTensor): Promise<Float32Array> {
  const values = new Float32Array(elementsOf(tensor.shape))
  if (tensor.dtype === 'F32' && !tensor.bigEndian) {
    await file.readInto(new Uint8Array(values.buffer), tensor.position)
    return values
  }
  let at = 0
  for await (const piece of storedPieces(file, tensor)) {
    decodeInto(tensor.dtype, piece, values, at)
    at += piece.length / bytesOf(tensor.dtype)
  }
  return values
}
