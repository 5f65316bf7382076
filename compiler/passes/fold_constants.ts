/** Calculates at compile time what depends on nothing but constants. */
import { constantOf, type Node, type Value } from '../ir/graph.js'
import { elementCount, type Tensor } from '../ir/tensor.js'
import { opOf, type Builder } from '../ops/index.js'
import type { Pass } from './pass.js'
import { rewrite } from './rewrite.js'

/** A result may grow to this many elements; a larger one must not be larger than what it is made of. */
const limit = 2 ** 16

export const foldConstants: Pass = {
  name: 'fold-constants',
  purpose: 'calculates what depends on constants alone',
  run: (graph) => rewrite(graph, fold),
}

function fold(node: Node, b: Builder): Value | undefined {
  const op = opOf(node.op)
  const inputs: Record<string, Tensor> = {}
  let read = 0
  for (const [name, value] of Object.entries(node.inputs)) {
    const tensor = constantOf(value)
    if (tensor === undefined) return undefined
    inputs[name] = tensor
    read += tensor.data.length
  }
  const shape = node.type.shape.filter((size) => typeof size === 'number')
  const known = op.inputs.length > 0 && op.random !== true && shape.length === node.type.shape.length
  if (!known || elementCount(shape) > Math.max(limit, read)) return undefined
  return b.tensor(op.evaluate(inputs, node.attributes, shape))
}
