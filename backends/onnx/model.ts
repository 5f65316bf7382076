/** An ONNX model as plain data, before it becomes a file: what lowering yields and what encoding reads. */
import type { Shape } from '../../compiler/ir/dimension.js'
import type { DataType } from '../../compiler/ir/tensor.js'
import type { Parameter } from '../../compiler/ir/parameter.js'

/**
 * How elements are stored in the file: the IR's types, float16 for what the IR calls float32, and float64 for the
 * solver's own arithmetic.
 */
export type ElementType = DataType | 'float16' | 'float64'
export type FloatType = 'float32' | 'float16'

export type AttributeValue = number | string | readonly number[] | FloatAttribute | Subgraph

/** A float attribute; plain numbers are integers. */
export interface FloatAttribute {
  readonly float: number
}

/** What a node runs by itself, such as the body of a loop. Its nodes may read every value of the graph around it. */
export interface Subgraph {
  readonly graphName: string
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  readonly nodes: readonly OnnxNode[]
}

export type NodeAttributes = Readonly<Record<string, AttributeValue>>

/** One node; its first result bears the node's name unless it is an output of the graph. */
export interface OnnxNode {
  readonly name: string
  readonly opType: string
  /** Names of values; empty where an optional input is left out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: NodeAttributes
  /** Whose operator it is; ONNX's own where absent. */
  readonly domain?: string
}

/** A tensor known at compile time, row-major and little-endian. */
export interface ConstantTensor {
  readonly name: string
  readonly elementType: ElementType
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** A parameter of the model, in the type it is stored in. */
export interface StoredParameter {
  readonly parameter: Parameter
  readonly elementType: FloatType
}

export interface ValueInfo {
  readonly name: string
  readonly elementType: ElementType
  readonly shape: Shape
  /** Whether it is a sequence of such tensors. */
  readonly isSequence?: boolean
}

export interface OnnxModel {
  readonly name: string
  readonly opset: number
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  /**
   * Values in between whose shapes are known, outside of loops. ONNX Runtime makes up a name for each size that it cannot
   * infer, in a time that grows with the square of their number: the training of S64 loads in 4.4 s instead of 9.9.
   */
  readonly values: readonly ValueInfo[]
  readonly nodes: readonly OnnxNode[]
  readonly constants: readonly ConstantTensor[]
  /** Only those that a node reads, in the order of first use. */
  readonly parameters: readonly StoredParameter[]
}

/** Bytes per element. */
export const elementSize: Readonly<Record<ElementType, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  int64: 8,
  bool: 1,
}

/** Operator sets that can be asked for; each later one adds to the one before. */
export const supportedOpsets = { first: 17, last: 22 } as const

/** The version of the file format that came with an operator set (ONNX, docs/Versioning.md). */
export function irVersion(opset: number): number {
  if (opset <= 18) return 8
  return opset <= 20 ? 9 : 10
}
