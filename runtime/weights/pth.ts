/**
 * PyTorch checkpoints (torch.save since 1.6): a zip archive of a pickle that describes, and a file per storage.
 * Nothing in the file is run; tensors are read when asked for.
 */
import { pthDamaged, weightsTooLarge } from '../../compiler/diagnostics/weights.js'
import { decodeInto } from './decode.js'
import { bytesOf, elementsOf } from './dtype.js'
import { WeightFailure } from './failure.js'
import type { RandomAccessFile } from './file.js'
import { checkpointHost } from './pickle-host.js'
import { unpickle } from './pickle.js'
import { gatherTensor, placeTensor, type PlacedTensor } from './pth-tensors.js'
import { lookUp, type WeightSource } from './source.js'
import { stateDictOf } from './state-dict.js'
import { readStored, storedPieces, type StoredTensor } from './stored.js'
import { ZipArchive } from './zip.js'

/** The descriptions of a million tensors fit in it. */
const largestPickle = 64 * 2 ** 20

/** The folder inside the archive, with its slash: the one that holds `data.pkl`. */
function folderOf(archive: ZipArchive): string {
  const found = archive.names.filter((name) => /^([^/]*\/)?data\.pkl$/.test(name))
  const [only] = found
  if (only === undefined || found.length > 1) {
    const problem = only === undefined ? 'the archive has no data.pkl' : 'the archive has several files data.pkl'
    throw new WeightFailure(pthDamaged({ problem }))
  }
  return only.slice(0, -'data.pkl'.length)
}

/** A whole small file of the archive; undefined if it is not there. */
async function smallFile(archive: ZipArchive, name: string, limit: number): Promise<Uint8Array | undefined> {
  const entry = await archive.find(name)
  if (entry === undefined) return undefined
  if (entry.size > limit) throw new WeightFailure(weightsTooLarge({ what: name, limit: `${limit} bytes` }))
  const bytes = new Uint8Array(entry.size)
  await archive.readInto(bytes, entry, 0)
  return bytes
}

/** Checkpoints without the file `byteorder` are from before PyTorch 2.1, and little-endian in practice. */
async function isBigEndian(archive: ZipArchive, folder: string): Promise<boolean> {
  const bytes = await smallFile(archive, `${folder}byteorder`, 64)
  const order = bytes === undefined ? 'little' : Buffer.from(bytes).toString('latin1').trim()
  if (order === 'little' || order === 'big') return order === 'big'
  throw new WeightFailure(pthDamaged({ problem: 'the byte order is neither little nor big' }))
}

async function placeAll(archive: ZipArchive, folder: string, pickle: Uint8Array) {
  const { tensors, metadata } = stateDictOf(unpickle(pickle, checkpointHost))
  const placed = new Map<string, PlacedTensor>()
  const checked = new Set<string>()
  for (const [name, tensor] of tensors) {
    const place = await placeTensor(archive, folder, name, tensor)
    if (!checked.has(place.entry.name)) await archive.check(place.entry)
    checked.add(place.entry.name)
    placed.set(name, place)
  }
  return { placed, metadata }
}

/** The tensors of a checkpoint. Throws a WeightFailure if it is damaged or asks for too much; takes over the open file. */
export async function pthSource(file: RandomAccessFile): Promise<WeightSource> {
  const archive = await ZipArchive.open(file)
  const folder = folderOf(archive)
  const bigEndian = await isBigEndian(archive, folder)
  const pickle = await smallFile(archive, `${folder}data.pkl`, largestPickle)
  const { placed, metadata } = await placeAll(archive, folder, pickle ?? new Uint8Array(0))

  const stored = ({ name, dtype, shape, offset, entry }: PlacedTensor): StoredTensor => {
    return { name, dtype, shape, bigEndian, position: entry.position + offset * bytesOf(dtype) }
  }
  return {
    entries: [...placed.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    metadata,
    async read(name) {
      const tensor = lookUp(placed, name)
      if (tensor.inPlace) return readStored(file, stored(tensor))
      const values = new Float32Array(elementsOf(tensor.shape))
      decodeInto(tensor.dtype, await gatherTensor(archive, tensor, bigEndian), values, 0)
      return values
    },
    async *bytes(name) {
      const tensor = lookUp(placed, name)
      if (tensor.inPlace) yield* storedPieces(file, stored(tensor))
      else yield await gatherTensor(archive, tensor, bigEndian)
    },
    close: () => file.close(),
  }
}
