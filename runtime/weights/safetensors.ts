/** Safetensors files read tensor by tensor (format: huggingface.co/docs/safetensors). */
import { readSafetensorsHeader } from './safetensors-header.js'
import { lookUp, type RandomAccess, type WeightSource } from './source.js'
import { readStored, storedPieces } from './stored.js'

/** The tensors of a safetensors file. Throws a WeightFailure if the file is damaged; takes over the open file. */
export async function safetensorsSource(file: RandomAccess): Promise<WeightSource> {
  const { tensors, metadata } = await readSafetensorsHeader(file)
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]))
  return {
    entries: tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    metadata,
    read: async (name) => readStored(file, lookUp(byName, name)),
    bytes: (name) => storedPieces(file, lookUp(byName, name)),
    close: () => file.close(),
  }
}
