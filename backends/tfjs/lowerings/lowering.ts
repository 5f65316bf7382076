/** What a lowering is: one op of the IR written as statements of a program. */
import type { Attributes } from '../../../compiler/ir/graph.js'
import type { TensorType } from '../../../compiler/ir/tensor.js'
import type { AttributesOf, InputsOf, OpName } from '../../../compiler/ops/index.js'
import type { InputNames, PerInput } from '../../../compiler/ops/op.js'
import { aligned } from '../align.js'
import { code, listed, plain, type Code, type Variable } from '../code.js'
import type { Emitter } from '../emitter.js'
import { fewGroups } from '../layout.js'
import { Operand } from '../operand.js'

type LoweringOf<Names extends InputNames, A> = (
  inputs: PerInput<Names, Operand>,
  attributes: A,
  g: Emitter,
  /** Of the result. */
  type: TensorType,
) => Operand

/** Writes the statements of one op through `g` and returns the value that holds the result. */
export type Lowering<Name extends OpName> = LoweringOf<InputsOf<Name>, AttributesOf<Name>>

/** A lowering for code that treats all ops alike. */
export type AnyLowering = LoweringOf<InputNames, Attributes>

/** In the table: lower what the op decomposes into. */
export const decompose = 'decompose'

/** A function of tfjs applied to each element. */
export function unary(name: string): LoweringOf<readonly ['x'], unknown> {
  const f = plain(`tf.${name}`)
  return ({ x }, _, g, type) => onElements(g, x, type, (v) => code`${f}(${v})`)
}

/** A function of each element: the result lies in memory as the value does. */
export function onElements(g: Emitter, x: Operand, type: TensorType, f: (v: Variable) => Code): Operand {
  const groups = fewGroups(x.first.groups, () => false)
  const { variable } = g.regrouped(x.first, groups, x.type.dataType)
  return x.with(type, g.tensor(f(variable), groups, type.dataType))
}

/** A function of tfjs applied to pairs of elements, with broadcasting. */
export function binary(name: string): LoweringOf<readonly ['a', 'b'], unknown> {
  const f = plain(`tf.${name}`)
  return ({ a, b }, _, g, type) => {
    const { axes, groups, variables } = aligned(g, [a, b], type.shape.length)
    return new Operand(type, axes, [g.tensor(code`${f}(${listed(variables)})`, groups, type.dataType)])
  }
}
