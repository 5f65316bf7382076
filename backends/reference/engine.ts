/** The reference engine: every op's own evaluation, node by node. The oracle that other engines are held against. */
import { evaluateShape } from '../../compiler/ir/dimension.js'
import { parameterOf, type Graph, type Node } from '../../compiler/ir/graph.js'
import { lastUses } from '../../compiler/ir/liveness.js'
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'
import { assertValid } from '../../compiler/ir/verify.js'
import { opOf } from '../../compiler/ops/index.js'
import type { Engine, ParameterValues, Session } from '../engine.js'
import { bindInputs } from '../inputs.js'

export const reference: Engine = {
  name: 'reference',
  devices: ['cpu'],
  auto: ['cpu'],
  takesThreads: false,
  works: (device) => Promise.resolve(device === 'cpu'),
  prepare: async (graph, weights) => {
    assertValid(graph, 'preparing it for the reference engine')
    return session(graph, await readParameters(graph, weights))
  },
}

async function readParameters(graph: Graph, weights: ParameterValues): Promise<ReadonlyMap<string, Tensor>> {
  const read = graph.nodes.flatMap((node) => parameterOf(node) ?? [])
  const tensors = new Map<string, Tensor>()
  for (const { name, shape } of read) {
    if (tensors.has(name)) continue
    const data = await weights.read(name)
    if (data.length !== elementCount(shape)) {
      throw new Error(`the weights hold ${data.length} numbers for ${name}, which has ${elementCount(shape)}`)
    }
    tensors.set(name, { shape, data })
  }
  return tensors
}

function session(graph: Graph, parameters: ReadonlyMap<string, Tensor>): Session {
  const ending = lastUses(graph)
  return {
    run: (inputs) => Promise.resolve().then(() => run(graph, ending, parameters, inputs)),
    dispose: () => Promise.resolve(),
  }
}

function run(
  graph: Graph,
  ending: readonly (readonly Node[])[],
  parameters: ReadonlyMap<string, Tensor>,
  inputs: Readonly<Record<string, Tensor>>,
): Readonly<Record<string, Tensor>> {
  const bindings = bindInputs(graph, inputs)
  const values = new Map<Node, Tensor>()
  graph.inputs.forEach(({ name, value }) => {
    const tensor = inputs[name]
    if (tensor !== undefined) values.set(value, tensor)
  })
  const valueOf = (node: Node): Tensor => {
    const tensor = values.get(node)
    if (tensor === undefined) throw new Error(`the value of node ${node.id} was freed too early`)
    return tensor
  }
  graph.nodes.forEach((node, position) => {
    const parameter = parameterOf(node)
    const stored = parameter && parameters.get(parameter.name)
    if (stored !== undefined) values.set(node, stored)
    else if (node.op !== 'input') values.set(node, evaluate(node, valueOf, evaluateShape(node.type.shape, bindings)))
    for (const value of ending[position] ?? []) values.delete(value)
  })
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, valueOf(value)]))
}

function evaluate(node: Node, valueOf: (node: Node) => Tensor, shape: readonly number[]): Tensor {
  const inputs = Object.fromEntries(Object.entries(node.inputs).map(([name, value]) => [name, valueOf(value)]))
  return opOf(node.op).evaluate(inputs, node.attributes, shape)
}
