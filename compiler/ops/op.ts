/**
 * What an op declares: its inputs, its shape rule, what simpler ops it stands for, its cost and its
 * meaning. Every pass and backend reads these declarations; nobody else enumerates ops by hand.
 */
import { sameShape, showShape, type Shape } from '../ir/dimension.js'
import type { Attributes, Value } from '../ir/graph.js'
import type { Tensor, TensorType } from '../ir/tensor.js'
import type { Builder } from './index.js'

/** Names of inputs by position; a name that ends in `?` may be left out. */
export type InputNames = readonly string[]

type Present<Names extends InputNames> = { [N in Names[number] as N extends `${string}?` ? never : N]: N }
type Optional<Names extends InputNames> = { [N in Names[number] as N extends `${infer Plain}?` ? Plain : never]: N }

/** A record with one `T` for each input of an op. */
export type PerInput<Names extends InputNames, T> = { readonly [N in keyof Present<Names>]: T } & {
  readonly [N in keyof Optional<Names>]?: T
}

export type NoAttributes = Readonly<Record<string, never>>

/** What a gradient is made from. */
export interface GradientSource<A extends object> {
  /** The op's result. */
  readonly y: Value
  readonly attributes: A
  readonly b: Builder
}

export type Gradient<Names extends InputNames, A extends object> = {
  // A method, so that an op with narrower inputs is still an Op.
  of(
    inputs: PerInput<Names, Value>,
    dy: Value,
    source: GradientSource<A>,
  ): { readonly [N in keyof PerInput<Names, Value>]?: Value }
}['of']

/** Why an op has no gradient. */
export interface NotDifferentiable {
  readonly reason: string
}

export function notDifferentiable(reason: string): NotDifferentiable {
  return { reason }
}

export interface Op<Names extends InputNames = InputNames, A extends object = Attributes> {
  readonly inputs: Names
  /** Two nodes with equal inputs yield different values in training: never shared or folded. */
  readonly random?: true
  /** The result is its input's elements in place: it costs no memory of its own. */
  readonly view?: true
  /** The result's type. Throws ShapeError where the inputs do not fit. */
  infer(inputs: PerInput<Names, TensorType>, attributes: A): TensorType
  /** The same result by simpler ops, for engines without a kernel of their own. */
  decompose?(inputs: PerInput<Names, Value>, attributes: A, b: Builder): Value
  /**
   * The gradients of a scalar with respect to the inputs, given `dy`, that with respect to the result `y`; left out for
   * inputs that have none. Or the reason why there is none.
   */
  readonly gradient: Gradient<Names, A> | NotDifferentiable
  /** Floating-point operations on concrete shapes; 0 (left out) where data is only moved. */
  flops?(inputs: PerInput<Names, readonly number[]>, result: readonly number[], attributes: A): number
  /** The op's meaning on tensors in memory; `shape` is the result's. Sums are taken in float64. */
  evaluate(inputs: PerInput<Names, Tensor>, attributes: A, shape: readonly number[]): Tensor
}

/** Inputs that do not fit together; the message is for users and becomes a diagnostic. */
export class ShapeError extends Error {}

export function fail(message: string): never {
  throw new ShapeError(message)
}

export function float32(shape: Shape): TensorType {
  return { dataType: 'float32', shape }
}

/** A shape rule's last word on a tensor of numbers, such as a bias, that must have exactly this shape. */
export function expectShape(type: TensorType | undefined, shape: Shape, what: string): void {
  if (type !== undefined && !sameShape(type.shape, shape)) {
    fail(`${what} must have the shape ${showShape(shape)}, not ${showShape(type.shape)}`)
  }
}

/** Refuses labels and truth values where an op calculates. */
export function expectFloat(...types: readonly (TensorType | undefined)[]): void {
  for (const type of types) {
    if (type !== undefined && type.dataType !== 'float32') fail(`expects real numbers, not ${type.dataType}`)
  }
}

/** The size of an axis that must be known when the model is compiled. */
export function fixedSize(type: TensorType, axis: number, what: string): number {
  const size = type.shape[axis]
  return typeof size === 'number' ? size : fail(`${what} must have a fixed size`)
}
