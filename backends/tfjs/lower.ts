/** From the tensor IR to a program of tfjs: each op through its lowering, in the order of the graph. */
import { raise } from '../../compiler/diagnostics/internal.js'
import { constantOf, parameterOf, type Graph, type Node } from '../../compiler/ir/graph.js'
import { decomposeOps } from '../../compiler/passes/decompose.js'
import { eliminateDead } from '../../compiler/passes/eliminate_dead.js'
import { inference, training } from '../../compiler/passes/index.js'
import { pipeline } from '../../compiler/passes/pass.js'
import { share } from '../../compiler/passes/share.js'
import { Emitter } from './emitter.js'
import { decomposedOps, loweringOf } from './lowerings/index.js'
import type { Operand } from './operand.js'
import type { Program } from './program.js'

export interface LoweringOptions {
  /** Whether the graph trains: parameters are read anew in each run. */
  readonly trains: boolean
}

/** The graph as a program. Only what the outputs depend on is written. */
export function lower(graph: Graph, { trains }: LoweringOptions): Program {
  const { passes } = trains ? training : inference
  const prepared = pipeline(...passes, decomposeOps(decomposedOps), share, eliminateDead).run(graph)
  const g = new Emitter(trains)
  const operands = new Map<Node, Operand>()
  const operandOf = (node: Node) => operands.get(node) ?? raise(`node ${node.id} is used before it is computed`)
  for (const { name, value } of prepared.inputs) operands.set(value, g.input(name, value.type))
  for (const node of prepared.nodes) {
    if (!operands.has(node)) operands.set(node, lowerNode(node, operandOf, g))
    for (const { name, value } of prepared.outputs) if (value === node) g.output(name, operandOf(node))
  }
  return g.finish(prepared.outputs.map(({ name }) => name))
}

function lowerNode(node: Node, operandOf: (node: Node) => Operand, g: Emitter): Operand {
  const { op, attributes, module, type } = node
  g.module = module.path
  const parameter = parameterOf(node)
  if (parameter !== undefined) return g.parameter(parameter.name, parameter.shape)
  const constant = constantOf(node)
  if (constant !== undefined) return g.constant(constant)
  const inputs = Object.entries(node.inputs).map(([name, value]) => [name, operandOf(value)] as const)
  return loweringOf(op)(Object.fromEntries(inputs), attributes, g, type)
}
