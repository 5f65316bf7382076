/** What a graph costs in one run: operations, parameters and memory, in all and per module. */
import { opOf } from '../ops/index.js'
import { evaluateShape, type Bindings } from './dimension.js'
import { parameterOf, type Graph, type Module, type Node } from './graph.js'
import { lastUses } from './liveness.js'
import type { Parameter } from './parameter.js'
import { elementCount, type DataType } from './tensor.js'

/** The price of one node. */
export interface NodeCost {
  readonly node: Node
  /** Floating-point operations; a multiplication and an addition count as two. */
  readonly flops: number
  /** Bytes of its own that the result takes; 0 for parameters, constants and views. */
  readonly bytes: number
  /** Bytes of all activations that exist while the node runs, its inputs and result included. */
  readonly liveBytes: number
}

/** The price of a part of the graph. */
export interface Cost {
  readonly flops: number
  readonly parameters: number
  readonly parameterBytes: number
  /** The most bytes of activations that exist at once while this part runs (inputs included, parameters not). */
  readonly peakBytes: number
}

export interface GraphCost {
  readonly total: Cost
  readonly nodes: readonly NodeCost[]
  /** By module path, each with all that is below it; the path of the whole model is empty. */
  readonly modules: ReadonlyMap<string, Cost>
}

const bytesPerElement: Readonly<Record<DataType, number>> = { float32: 4, int64: 8, bool: 1 }

/** The cost of running `graph` in the order of its nodes; `bindings` give sizes to its symbols. */
export function costOf(graph: Graph, bindings: Bindings): GraphCost {
  const shapes = new Map(graph.nodes.map((node) => [node, evaluateShape(node.type.shape, bindings)]))
  const shapeOf = (node: Node): readonly number[] => shapes.get(node) ?? []
  const live = liveBytes(graph, (node) => {
    const stored = node.op !== 'parameter' && node.op !== 'constant'
    return stored ? elementCount(shapeOf(node)) * bytesPerElement[node.type.dataType] : 0
  })
  const nodes = graph.nodes.map((node, i): NodeCost => {
    const inputs = Object.fromEntries(Object.entries(node.inputs).map(([name, value]) => [name, shapeOf(value)]))
    const flops = opOf(node.op).flops?.(inputs, shapeOf(node), node.attributes) ?? 0
    return { node, flops, bytes: live.own[i] ?? 0, liveBytes: live.at[i] ?? 0 }
  })
  return { total: sumUp(nodes, graph.parameters), nodes, modules: perModule(nodes) }
}

/** Bytes that each node adds, and bytes that exist while it runs. A view keeps its source alive instead. */
function liveBytes(graph: Graph, sizeOf: (node: Node) => number): { own: number[]; at: number[] } {
  const holders = new Map<Node, { readonly size: number; readers: number }>()
  const ending = lastUses(graph)
  const own: number[] = []
  const at: number[] = []
  // Inputs of the graph exist from the beginning.
  let live = graph.nodes.reduce((bytes, node) => bytes + (node.op === 'input' ? sizeOf(node) : 0), 0)
  graph.nodes.forEach((node, position) => {
    const source = opOf(node.op).view === true ? Object.values(node.inputs)[0] : undefined
    const holder = (source && holders.get(source)) ?? { size: sizeOf(node), readers: 0 }
    holder.readers++
    holders.set(node, holder)
    own.push(source === undefined ? holder.size : 0)
    if (source === undefined && node.op !== 'input') live += holder.size
    at.push(live)
    for (const value of ending[position] ?? []) {
      const ended = holders.get(value)
      if (ended !== undefined && --ended.readers === 0) live -= ended.size
    }
  })
  return { own, at }
}

function sumUp(nodes: readonly NodeCost[], parameters: readonly Parameter[]): Cost {
  const count = parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0)
  return {
    flops: nodes.reduce((sum, { flops }) => sum + flops, 0),
    parameters: count,
    parameterBytes: count * bytesPerElement.float32,
    peakBytes: nodes.reduce((peak, { liveBytes }) => Math.max(peak, liveBytes), 0),
  }
}

interface Part {
  readonly nodes: NodeCost[]
  readonly parameters: Map<string, Parameter>
}

function perModule(nodes: readonly NodeCost[]): ReadonlyMap<string, Cost> {
  const parts = new Map<string, Part>()
  for (const cost of nodes) {
    const parameter = parameterOf(cost.node)
    for (let module: Module | undefined = cost.node.module; module !== undefined; module = module.parent) {
      const part: Part = parts.get(module.path) ?? { nodes: [], parameters: new Map() }
      parts.set(module.path, part)
      part.nodes.push(cost)
      if (parameter !== undefined) part.parameters.set(parameter.name, parameter)
      // A module without a name of its own has its parent's path: the same part.
      while (module.parent?.path === module.path) module = module.parent
    }
  }
  return new Map(Array.from(parts, ([path, part]) => [path, sumUp(part.nodes, [...part.parameters.values()])]))
}
