/** Weights from one file format to another, tensor by tensor. Names and element types stay as they are. */
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { weightsNotWritable, weightsTargetUnknown } from '../../compiler/diagnostics/weights.js'
import { wholeFile } from './failure.js'
import { openWeights } from './open.js'
import type { PlainValue, TensorEntry } from './source.js'
import { writePth } from './write-pth.js'
import { writeSafetensors } from './write-safetensors.js'

/** Metadata of a safetensors file is text: other values are written as JSON. */
function asText(metadata: ReadonlyMap<string, PlainValue>): Record<string, string> {
  const text = (value: PlainValue) => (typeof value === 'string' ? value : JSON.stringify(value))
  return Object.fromEntries([
    ['format', 'pt'],
    ...[...metadata].map(([key, value]): [string, string] => [key, text(value)]),
  ])
}

/**
 * Reads the weights at `from` and writes them to `to`, as safetensors or as a PyTorch checkpoint according to the
 * name of `to`. Counters and settings beside the weights become metadata of a safetensors file; a checkpoint is
 * written as a plain state dict. True if the file was written; otherwise the reason has been reported.
 */
export async function convertWeights(from: string, to: string, report: Report): Promise<boolean> {
  const format = /\.(safetensors|pth|pt)$/i.exec(to)?.[1]?.toLowerCase()
  if (format === undefined) {
    report(weightsTargetUnknown({ path: to }), wholeFile(to))
    return false
  }
  const source = await openWeights(from, report)
  if (source === undefined) return false
  try {
    const bytes = (entry: TensorEntry) => source.bytes(entry.name)
    if (format === 'safetensors' && source.entries.some((entry) => entry.name === '__metadata__')) {
      report(
        weightsNotWritable({ problem: 'a tensor has the name `__metadata__`, which safetensors reserves' }),
        wholeFile(to),
      )
      return false
    }
    if (format === 'safetensors')
      return await writeSafetensors(to, source.entries, bytes, report, asText(source.metadata))
    return await writePth(to, source.entries, bytes, report)
  } finally {
    await source.close()
  }
}
