/** An ONNX model as the bytes of a ModelProto, with parameters inside it or beside it. */
import { readFile } from 'node:fs/promises'
import protocol from 'onnx-proto'
import type { onnx } from 'onnx-proto'
import { isSymbolic, showDimension } from '../../compiler/ir/dimension.js'
import { elementTypeCode } from './emitter.js'
import { isSubgraph } from './sink.js'
import {
  irVersion,
  type AttributeValue,
  type OnnxModel,
  type OnnxNode,
  type StoredParameter,
  type Subgraph,
  type ValueInfo,
} from './model.js'

/** Where the elements of a parameter are. */
export type Payload =
  { readonly bytes: Uint8Array } | { readonly file: string; readonly offset: number; readonly length: number }

/** What a file says of itself. */
export interface ModelInfo {
  /** Shown by viewers. */
  readonly description?: string
  /** Entries of metadata_props, such as the hash of the specification. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** The file's bytes. `payload` tells where each parameter's elements are. */
export function encodeModel(
  model: OnnxModel,
  payload: (stored: StoredParameter) => Payload,
  info: ModelInfo = {},
): Uint8Array {
  const stored = model.parameters.map((entry): onnx.ITensorProto => ({
    name: entry.parameter.name,
    dims: [...entry.parameter.shape],
    dataType: elementTypeCode[entry.elementType],
    ...location(payload(entry)),
  }))
  const constants = model.constants.map(({ name, elementType, shape, bytes }): onnx.ITensorProto => ({
    name,
    dims: [...shape],
    dataType: elementTypeCode[elementType],
    rawData: bytes,
  }))
  const outside = new Set(model.nodes.flatMap(({ inputs }) => inputs))
  const initialisers = [...constants, ...stored]
  const own = initialisers.filter(({ name }) => !outside.has(name ?? ''))
  const { ModelProto } = protocol.onnx
  return ModelProto.encode({
    irVersion: irVersion(model.opset),
    producerName: 'mdmc',
    opsetImport: [{ domain: '', version: model.opset }, ...domainsOf(model).map((domain) => ({ domain, version: 1 }))],
    docString: info.description ?? '',
    metadataProps: Object.entries(info.metadata ?? {}).map(([key, value]) => ({ key, value })),
    graph: {
      name: model.name,
      node: model.nodes.map((entry) => node(entry, own)),
      initializer: initialisers.filter(({ name }) => outside.has(name ?? '')),
      input: model.inputs.map(valueInfo),
      output: model.outputs.map(valueInfo),
      valueInfo: model.values.map(valueInfo),
    },
  }).finish()
}

function domainsOf({ nodes }: OnnxModel): string[] {
  return [...new Set(nodes.flatMap(({ domain }) => domain ?? []))]
}

function location(payload: Payload): onnx.ITensorProto {
  if ('bytes' in payload) return { rawData: payload.bytes }
  const { file, offset, length } = payload
  return {
    dataLocation: protocol.onnx.TensorProto.DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: file },
      { key: 'offset', value: String(offset) },
      { key: 'length', value: String(length) },
    ],
  }
}

/** `own`: the tensors that belong to the body of a loop, because nothing around it reads them. */
function node(
  { name, opType, inputs, outputs, attributes, domain = '' }: OnnxNode,
  own: readonly onnx.ITensorProto[],
): onnx.INodeProto {
  const entries = Object.entries(attributes).map(([key, value]) => ({ name: key, ...attribute(value, own) }))
  return { name, opType, domain, input: [...inputs], output: [...outputs], attribute: entries }
}

function attribute(value: AttributeValue, own: readonly onnx.ITensorProto[]): onnx.IAttributeProto {
  const { AttributeType } = protocol.onnx.AttributeProto
  if (typeof value === 'number') return { type: AttributeType.INT, i: value }
  if (typeof value === 'string') return { type: AttributeType.STRING, s: new TextEncoder().encode(value) }
  if ('float' in value) return { type: AttributeType.FLOAT, f: value.float }
  if (isSubgraph(value)) return { type: AttributeType.GRAPH, g: subgraph(value, own) }
  return { type: AttributeType.INTS, ints: [...value] }
}

function subgraph(
  { graphName, nodes, inputs, outputs }: Subgraph,
  own: readonly onnx.ITensorProto[],
): onnx.IGraphProto {
  return {
    name: graphName,
    node: nodes.map((entry) => node(entry, [])),
    initializer: [...own],
    input: inputs.map(valueInfo),
    output: outputs.map(valueInfo),
  }
}

function valueInfo({ name, elementType, shape, isSequence = false }: ValueInfo): onnx.IValueInfoProto {
  if (isSequence)
    return { name, type: { sequenceType: { elemType: { tensorType: { elemType: elementTypeCode[elementType] } } } } }
  const dim = shape.map((size) => (isSymbolic(size) ? { dimParam: showDimension(size) } : { dimValue: size }))
  return { name, type: { tensorType: { elemType: elementTypeCode[elementType], shape: { dim } } } }
}

/** A node's name and what it does. */
export interface NamedOperator {
  readonly name: string
  readonly opType: string
}

/** The nodes of a file's graph, those inside of loops left out. */
export async function nodesOf(path: string): Promise<NamedOperator[]> {
  const { graph } = protocol.onnx.ModelProto.decode(await readFile(path))
  return (graph?.node ?? []).map(({ name, opType }) => ({ name: name ?? '', opType: opType ?? '' }))
}
