/** Opens weights of any format, told from the content. */
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { pthLegacy, weightsFormatUnknown } from '../../compiler/diagnostics/weights.js'
import { reporting, WeightFailure } from './failure.js'
import { RandomAccessFile } from './file.js'
import { pthSource } from './pth.js'
import { safetensorsSource } from './safetensors.js'
import type { WeightSource } from './source.js'

type Open = (file: RandomAccessFile) => Promise<WeightSource>

/** A damaged file is read as what its name says, so that the damage is told and not only that it is unknown. */
const byExtension: readonly (readonly [RegExp, Open])[] = [
  [/\.safetensors$/i, safetensorsSource],
  [/\.(pth|pt|ckpt|bin)$/i, pthSource],
]

async function formatOf(file: RandomAccessFile, path: string): Promise<Open> {
  const start = await file.bytes(0, Math.min(16, file.size))
  const startsWith = (...bytes: readonly number[]) => bytes.every((byte, i) => start[i] === byte)
  if (startsWith(0x50, 0x4b, 3, 4)) return pthSource
  // A safetensors file has 8 bytes of length and then JSON; a bare pickle begins with its protocol.
  if (start[8] === 0x7b) return safetensorsSource
  if (startsWith(0x80) && [2, 3, 4, 5].includes(start[1] ?? 0)) throw new WeightFailure(pthLegacy())
  const named = byExtension.find(([extension]) => extension.test(path))?.[1]
  if (named === undefined) throw new WeightFailure(weightsFormatUnknown())
  return named
}

/**
 * Opens a .safetensors or .pth file. What is wrong with it, from a missing file to a tensor that its storage
 * cannot hold, is reported, and gives undefined. No code in the file is run.
 */
export async function openWeights(path: string, report: Report): Promise<WeightSource | undefined> {
  return reporting(path, report, async () => {
    const file = await RandomAccessFile.open(path)
    try {
      const open = await formatOf(file, path)
      return await open(file)
    } catch (error) {
      await file.close()
      throw error
    }
  })
}
