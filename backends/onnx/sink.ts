/**
 * Moves constant computations that only a loop's body reads into that body. ONNX Runtime computes them when it loads the
 * model, but brings weights into the layout that its kernels like best only where the same graph holds them.
 */
import type { AttributeValue, OnnxModel, OnnxNode, Subgraph } from './model.js'

export function sinkConstants(model: OnnxModel): OnnxModel {
  const constant = new Set([
    ...model.constants.map(({ name }) => name),
    ...model.parameters.map(({ parameter }) => parameter.name),
  ])
  for (const { inputs, outputs } of model.nodes) {
    if (inputs.every((input) => input === '' || constant.has(input))) for (const name of outputs) constant.add(name)
  }
  const readOutside = new Set(model.outputs.map(({ name }) => name))
  const [staying, sunk]: [OnnxNode[], OnnxNode[]] = [[], []]
  for (const node of model.nodes.toReversed()) {
    const sinks = node.outputs.every((name) => constant.has(name) && !readOutside.has(name))
    if (!sinks) for (const input of node.inputs) readOutside.add(input)
    ;(sinks ? sunk : staying).unshift(node)
  }
  return { ...model, nodes: staying.map((node) => intoBody(node, sunk)) }
}

function intoBody(node: OnnxNode, sunk: readonly OnnxNode[]): OnnxNode {
  const { body } = node.attributes
  if (body === undefined || !isSubgraph(body)) return node
  return { ...node, attributes: { ...node.attributes, body: { ...body, nodes: [...sunk, ...body.nodes] } } }
}

export function isSubgraph(value: AttributeValue): value is Subgraph {
  return typeof value === 'object' && 'graphName' in value
}
