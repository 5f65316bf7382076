/** The header of a safetensors file: a JSON object that must describe the data after it exactly. */
import { dtypeUnknown, quoted, safetensorsDamaged, weightsTooLarge } from '../../compiler/diagnostics/weights.js'
import { bytesOf, elementsOf, isDtype } from './dtype.js'
import { WeightFailure } from './failure.js'
import type { RandomAccess } from './source.js'
import { repeatedKey } from './json-keys.js'
import { requireReadable, type StoredTensor } from './stored.js'

/** The limit of the format's reference implementation. */
const largestHeader = 100_000_000
const lengthBytes = 8
const largestRank = 64

/** What a header says. */
export interface SafetensorsHeader {
  /** In the order of their data. */
  readonly tensors: readonly StoredTensor[]
  readonly metadata: ReadonlyMap<string, string>
}

function damaged(problem: string): WeightFailure {
  return new WeightFailure(safetensorsDamaged({ problem }))
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((side) => Number.isSafeInteger(side) && side >= 0)
}

/** The header's text. Its claimed length is checked against the file before anything is allocated. */
async function headerText(file: RandomAccess): Promise<{ text: string; dataStart: number }> {
  if (file.size < lengthBytes) throw damaged(`${file.size} bytes cannot hold a header`)
  const prefix = await file.bytes(0, lengthBytes)
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true))
  if (length > file.size - lengthBytes) throw damaged(`the header claims ${length} bytes, the file has ${file.size}`)
  if (length > largestHeader) throw new WeightFailure(weightsTooLarge({ what: 'the header', limit: '100 MB' }))
  const bytes = await file.bytes(lengthBytes, length)
  if (bytes[0] !== 0x7b) throw damaged('the header is not a JSON object')
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), dataStart: lengthBytes + length }
  } catch {
    throw damaged('the header is not valid UTF-8')
  }
}

function parsedHeader(text: string): Readonly<Record<string, unknown>> {
  let header: unknown
  try {
    header = JSON.parse(text)
  } catch {
    throw damaged('the header is not valid JSON')
  }
  if (!isObject(header)) throw damaged('the header is not a JSON object')
  const repeated = repeatedKey(text)
  if (repeated !== undefined) throw damaged(`the header names ${quoted(repeated)} twice`)
  return header
}

/** One tensor; `position` is still relative to the data's start. */
function tensorOf(name: string, description: unknown): StoredTensor & { readonly end: number } {
  if (!isObject(description)) throw damaged(`tensor ${quoted(name)} is not described by an object`)
  const { dtype, shape, data_offsets: offsets, ...others } = description
  const [other] = Object.keys(others)
  if (other !== undefined) throw damaged(`tensor ${quoted(name)} has an unknown field ${quoted(other)}`)
  if (typeof dtype !== 'string') throw damaged(`tensor ${quoted(name)} has no dtype`)
  if (!isDtype(dtype)) throw new WeightFailure(dtypeUnknown({ tensor: name, dtype }))
  if (!isSizes(shape)) throw damaged(`tensor ${quoted(name)} has a shape that is not a list of whole numbers`)
  if (shape.length > largestRank) throw damaged(`tensor ${quoted(name)} has ${shape.length} dimensions`)
  if (!isSizes(offsets) || offsets.length !== 2) throw damaged(`tensor ${quoted(name)} has no valid data_offsets`)
  const [start = 0, end = 0] = offsets
  const bytes = elementsOf(shape) * bytesOf(dtype)
  if (!Number.isSafeInteger(bytes)) throw damaged(`tensor ${quoted(name)} has a shape without bounds`)
  if (end - start !== bytes) {
    throw damaged(`tensor ${quoted(name)} takes ${bytes} bytes, its data_offsets span ${end - start}`)
  }
  requireReadable(name, elementsOf(shape))
  return { name, dtype, shape, position: start, end, bigEndian: false }
}

function metadataOf(description: unknown): ReadonlyMap<string, string> {
  if (description === undefined) return new Map()
  if (!isObject(description)) throw damaged('__metadata__ is not an object')
  return new Map(
    Object.entries(description).map(([key, value]) => {
      if (typeof value !== 'string') throw damaged(`__metadata__ has a value that is not a string: ${quoted(key)}`)
      return [key, value]
    }),
  )
}

/** Reads and checks a header: tensors follow each other without gap or overlap and end where the file ends. */
export async function readSafetensorsHeader(file: RandomAccess): Promise<SafetensorsHeader> {
  const { text, dataStart } = await headerText(file)
  const { __metadata__: metadata, ...descriptions } = parsedHeader(text)
  const tensors = Object.entries(descriptions).map(([name, description]) => tensorOf(name, description))
  tensors.sort((a, b) => a.position - b.position || a.end - b.end)
  let end = 0
  for (const tensor of tensors) {
    if (tensor.position !== end) {
      const fault = tensor.position < end ? 'overlaps the tensor before it' : 'leaves a hole before it'
      throw damaged(`tensor ${quoted(tensor.name)} ${fault}`)
    }
    end = tensor.end
  }
  if (dataStart + end !== file.size) {
    throw damaged(`its tensors take ${end} bytes, the file has ${file.size - dataStart} bytes of data`)
  }
  return {
    tensors: tensors.map(({ end: _, ...tensor }) => ({ ...tensor, position: dataStart + tensor.position })),
    metadata: metadataOf(metadata),
  }
}
