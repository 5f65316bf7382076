/** What a lowering is: one op of the IR written as ONNX nodes. */
import type { Attributes } from '../../../compiler/ir/graph.js'
import type { AttributesOf, InputsOf, OpName } from '../../../compiler/ops/index.js'
import type { InputNames, PerInput } from '../../../compiler/ops/op.js'
import type { NodeAttributes } from '../model.js'
import type { Emitter, Operand, ShapedOperand } from '../emitter.js'

type LoweringOf<Names extends InputNames, A> = (
  inputs: PerInput<Names, ShapedOperand>,
  attributes: A,
  g: Emitter,
) => Operand

/** Writes the nodes of one op through `g` and returns the value that holds the result. */
export type Lowering<Name extends OpName> = LoweringOf<InputsOf<Name>, AttributesOf<Name>>

/** A lowering for code that treats all ops alike. */
export type AnyLowering = LoweringOf<InputNames, Attributes>

/** In the table: lower what the op decomposes into. */
export const decompose = 'decompose'

/** The ONNX operator that does to `x` just what the op does. */
export function unary(opType: string, attributes?: NodeAttributes): LoweringOf<readonly ['x'], unknown> {
  return ({ x }, _, g) => g.node(opType, [x], attributes)
}

/** The ONNX operator that does to `a` and `b` just what the op does. */
export function binary(opType: string): LoweringOf<readonly ['a', 'b'], unknown> {
  return ({ a, b }, _, g) => g.node(opType, [a, b])
}
