/**
 * The tensor IR: a typed graph in static single assignment form. Every node yields one value, and
 * knows the module it came from, so that generated code can keep the model's structure.
 */
import type { Span } from '../diagnostics/diagnostic.js'
import type { OpName } from '../ops/index.js'
import type { Parameter } from './parameter.js'
import type { Dimension, Shape } from './dimension.js'
import type { Tensor, TensorType } from './tensor.js'

/** A place in the model's hierarchy: the model itself, a nested part, a block in use, a layer. */
export interface Module {
  /** Dotted path as in parameter names; empty for the whole model. */
  readonly path: string
  /** What it is: a model's name, a block's name or a layer's kind. */
  readonly kind: string
  readonly parent: Module | undefined
}

export type Attribute =
  number | string | boolean | readonly number[] | Dimension | Shape | Tensor | Parameter | undefined
export type Attributes = Readonly<Record<string, Attribute>>

/** One operation and the value it yields. `inputs` and `attributes` are those that the op declares. */
export interface Node {
  readonly id: number
  readonly op: OpName
  readonly inputs: Readonly<Record<string, Node>>
  readonly attributes: Attributes
  readonly type: TensorType
  readonly module: Module
  /** Where in the source it was written, for diagnostics. */
  readonly span?: Span
}

/** A value is the node that yields it. */
export type Value = Node

export interface NamedValue {
  readonly name: string
  readonly value: Value
}

/** What an input takes. */
export interface InputType {
  readonly name: string
  readonly type: TensorType
}

/** A whole computation. Nodes stand in an order in which each follows its inputs. */
export interface Graph {
  readonly name: string
  readonly inputs: readonly NamedValue[]
  readonly outputs: readonly NamedValue[]
  readonly nodes: readonly Node[]
  /** All parameters of the model in the published order, also those that nothing reads. */
  readonly parameters: readonly Parameter[]
}

export function inputTypes({ inputs }: Pick<Graph, 'inputs'>): InputType[] {
  return inputs.map(({ name, value }) => ({ name, type: value.type }))
}

export function isTensor(value: Attribute): value is Tensor {
  return typeof value === 'object' && 'data' in value
}

export function isParameter(value: Attribute): value is Parameter {
  return typeof value === 'object' && 'initialiser' in value
}

/** The numbers of a constant; undefined for any other node. */
export function constantOf(node: Node): Tensor | undefined {
  const { tensor } = node.attributes
  return isTensor(tensor) ? tensor : undefined
}

/** What a parameter node reads; undefined for any other node. */
export function parameterOf(node: Node): Parameter | undefined {
  const { parameter } = node.attributes
  return isParameter(parameter) ? parameter : undefined
}
