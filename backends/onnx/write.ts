/** Writes ONNX files: small models in one file, large ones with their weights streamed into a second one beside it. */
import { basename } from 'node:path'
import { InternalError } from '../../compiler/diagnostics/internal.js'
import { elementCount } from '../../compiler/ir/tensor.js'
import { writeWhole, type Output } from '../../files/whole.js'
import type { ParameterValues } from '../engine.js'
import { encodeModel, type ModelInfo, type Payload } from './encode.js'
import { toFloat16 } from './float16.js'
import { elementSize, type OnnxModel, type StoredParameter } from './model.js'

/**
 * Weights up to this many bytes are written into the model itself. A single file is easier to handle, but has to be
 * built in memory as a whole; weights beside it are streamed, and mapped into memory by who loads them.
 */
export const inlineLimit = 64 * 2 ** 20

/** Parameters below this size stay in the model: a thousand tiny reads gain nothing. */
const smallest = 1024
/** Whole pages, so that tensors can be mapped (as the format recommends). */
const alignment = 4096

export interface WriteOptions extends ModelInfo {
  /** Bytes of weights beyond which they go into a file of their own. */
  readonly inlineLimit?: number
}

/** What was written. */
export interface WrittenModel {
  /** All files, the model first. */
  readonly files: readonly string[]
  readonly weightBytes: number
}

interface Placement {
  readonly stored: StoredParameter
  readonly offset: number
  readonly length: number
}

/**
 * Writes `model` to `path`, and its weights to `path` with `.data` added where they are large. Files appear under
 * their names only once they are whole.
 */
export async function writeModel(
  model: OnnxModel,
  weights: ParameterValues,
  path: string,
  options: WriteOptions = {},
): Promise<WrittenModel> {
  const total = weightBytes(model)
  if (total <= (options.inlineLimit ?? inlineLimit)) {
    await writeWhole(path, await encodeWithWeights(model, weights, options))
    return { files: [path], weightBytes: total }
  }
  const dataPath = `${path}.data`
  const placements = place(model)
  const inline = await readAll(
    model.parameters.filter((stored) => !placements.has(stored)),
    weights,
  )
  const bytes = encodeModel(
    model,
    (stored) => external(stored, placements, basename(dataPath)) ?? inlined(stored, inline),
    options,
  )
  await writeWhole(dataPath, (file) => stream([...placements.values()], weights, file))
  await writeWhole(path, bytes)
  return { files: [path, dataPath], weightBytes: total }
}

/**
 * Writes the structure alone: every parameter refers to `path` with `.data` added, which is not written. The model can
 * be viewed and checked, and runs once somebody puts that file beside it.
 */
export async function writeStructure(model: OnnxModel, path: string, options: ModelInfo = {}): Promise<WrittenModel> {
  const placements = place(model, 0)
  const bytes = encodeModel(
    model,
    (stored) => external(stored, placements, `${basename(path)}.data`) ?? { bytes: new Uint8Array() },
    options,
  )
  await writeWhole(path, bytes)
  return { files: [path], weightBytes: 0 }
}

/** The whole model with its weights as the bytes of one file. */
export async function encodeWithWeights(
  model: OnnxModel,
  weights: ParameterValues,
  info: ModelInfo = {},
): Promise<Uint8Array> {
  const inline = await readAll(model.parameters, weights)
  return encodeModel(model, (stored) => inlined(stored, inline), info)
}

/** Bytes of all parameters of the model. */
export function weightBytes(model: OnnxModel): number {
  return model.parameters.reduce((total, stored) => total + byteLength(stored), 0)
}

function byteLength({ parameter, elementType }: StoredParameter): number {
  return elementCount(parameter.shape) * elementSize[elementType]
}

function place(model: OnnxModel, from = smallest): ReadonlyMap<StoredParameter, Placement> {
  const placements = new Map<StoredParameter, Placement>()
  let offset = 0
  for (const stored of model.parameters) {
    const length = byteLength(stored)
    if (length < from) continue
    placements.set(stored, { stored, offset, length })
    offset = Math.ceil((offset + length) / alignment) * alignment
  }
  return placements
}

function external(
  stored: StoredParameter,
  placements: ReadonlyMap<StoredParameter, Placement>,
  file: string,
): Payload | undefined {
  const placement = placements.get(stored)
  return placement && { file, offset: placement.offset, length: placement.length }
}

function inlined(stored: StoredParameter, values: ReadonlyMap<StoredParameter, Uint8Array>): Payload {
  return { bytes: values.get(stored) ?? new Uint8Array() }
}

async function readAll(
  parameters: readonly StoredParameter[],
  weights: ParameterValues,
): Promise<ReadonlyMap<StoredParameter, Uint8Array>> {
  const values = new Map<StoredParameter, Uint8Array>()
  for (const stored of parameters) values.set(stored, await readBytes(stored, weights))
  return values
}

async function readBytes(stored: StoredParameter, weights: ParameterValues): Promise<Uint8Array> {
  const { name, shape } = stored.parameter
  const values = await weights.read(name)
  if (values.length !== elementCount(shape)) {
    throw new InternalError(`the parameter ${name} has ${values.length} values for the shape [${shape.join(', ')}]`)
  }
  return encoded(values, stored)
}

function encoded(values: Float32Array, { elementType }: StoredParameter): Uint8Array {
  const raw = elementType === 'float16' ? toFloat16(values) : values
  return new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength)
}

/** Writes tensor by tensor. Gaps between tensors are left to the file system. */
async function stream(placements: readonly Placement[], weights: ParameterValues, file: Output): Promise<void> {
  if (!weights.pieces) return streamWhole(placements, weights, file)
  for (const { stored, offset, length } of placements) {
    let end = offset
    for await (const values of weights.pieces(stored.parameter.name)) {
      const bytes = encoded(values, stored)
      await file.writeAt(bytes, end)
      end += bytes.length
    }
    if (end !== offset + length)
      throw new InternalError(`the parameter ${stored.parameter.name} has ${end - offset} bytes instead of ${length}`)
  }
}

/** Makes or reads the next tensor while the last one is being written. */
async function streamWhole(placements: readonly Placement[], weights: ParameterValues, file: Output): Promise<void> {
  let writing: Promise<void> = Promise.resolve()
  for (const { stored, offset } of placements) {
    const [bytes] = await Promise.all([readBytes(stored, weights), writing])
    writing = file.writeAt(bytes, offset)
  }
  await writing
}
