/** One op on given tensors, with the result that its definition gives. */
import { GraphBuilder } from '../../compiler/ir/builder.js'
import { symbol } from '../../compiler/ir/dimension.js'
import type { Attributes, Graph } from '../../compiler/ir/graph.js'
import { dataTypeOf, type Tensor, type TensorType } from '../../compiler/ir/tensor.js'
import type { OpName } from '../../compiler/ops/index.js'

export interface OpCase {
  readonly title: string
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly attributes?: Attributes
  /** By a plain formula in float64, written independently of the op. */
  readonly expected: Tensor
  /** Inputs whose first axis is a batch of any size. */
  readonly batched?: readonly string[]
  /** The exact number of operations, where the case pins it down. */
  readonly flops?: number
}

/** Ops that a graph is made of, other than its sources. */
export type ComputingOp = Exclude<OpName, 'input' | 'parameter' | 'constant'>

/** The type of an input, its first axis named `batch` where the case says so. */
function typeOf(test: OpCase, name: string, { shape, data }: Tensor): TensorType {
  const batched = test.batched?.includes(name) === true
  return { dataType: dataTypeOf(data), shape: batched ? [symbol('batch'), ...shape.slice(1)] : shape }
}

/** A graph of this one op, with a batch of any size. */
export function graphOf(op: ComputingOp, test: OpCase): Graph {
  const builder = new GraphBuilder(op)
  const inputs = Object.entries(test.inputs).map(
    ([name, value]) => [name, builder.input(name, typeOf(test, name, value))] as const,
  )
  const result = builder.add(op, Object.fromEntries(inputs), test.attributes ?? {})
  return builder.finish([{ name: 'result', value: result }], [])
}

type CasesOf<Name extends ComputingOp> = Readonly<Record<Name, readonly OpCase[]>>

/** Cases by op, keeping the ops' names in the type. */
export function casesOf<Name extends ComputingOp>(cases: CasesOf<Name>): CasesOf<Name> {
  return cases
}
