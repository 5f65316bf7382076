/** Writes PyTorch checkpoints: an ordered dictionary of tensors, which torch.load opens with weights_only=True. */
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { bytesOf, elementsOf } from './dtype.js'
import { reporting } from './failure.js'
import { pickleOfTensors } from './pickle-writer.js'
import type { TensorEntry } from './source.js'
import { piecesOf, writeWeights, type ValuesOf } from './write-file.js'
import { ZipWriter } from './zip-writer.js'

/** The version of the archive's layout that PyTorch writes. */
const version = Buffer.from('3\n')
const folder = 'archive'

/**
 * Writes `entries` to `path`, asking `valuesOf` for one tensor after the other. The file appears whole or not at
 * all. A disk that refuses is reported; true if the file was written. Repeated names are the caller's bug.
 */
export async function writePth(
  path: string,
  entries: readonly TensorEntry[],
  valuesOf: ValuesOf,
  report: Report,
): Promise<boolean> {
  if (new Set(entries.map((entry) => entry.name)).size !== entries.length)
    throw new Error('tensor names are not unique')
  const pickle = pickleOfTensors(entries)
  const byteOrder = Buffer.from('little')
  const written = await reporting(path, report, async () => {
    await writeWeights(path, async (output) => {
      const archive = new ZipWriter(output)
      await archive.add(`${folder}/data.pkl`, pickle.length, [pickle])
      await archive.add(`${folder}/byteorder`, byteOrder.length, [byteOrder])
      for (const [i, entry] of entries.entries()) {
        const size = elementsOf(entry.shape) * bytesOf(entry.dtype)
        await archive.add(`${folder}/data/${i}`, size, piecesOf(entry, valuesOf))
      }
      await archive.add(`${folder}/version`, version.length, [version])
      await archive.finish()
    })
    return true
  })
  return written === true
}
