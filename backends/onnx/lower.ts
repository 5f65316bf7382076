/** From the tensor IR to an ONNX graph: each op through its lowering, in the order of the graph. */
import { InternalError } from '../../compiler/diagnostics/internal.js'
import type { Shape } from '../../compiler/ir/dimension.js'
import { constantOf, parameterOf, type Graph, type Node } from '../../compiler/ir/graph.js'
import { decomposeOps } from '../../compiler/passes/decompose.js'
import { eliminateDead } from '../../compiler/passes/eliminate_dead.js'
import { inference, inferenceOnStored, training } from '../../compiler/passes/index.js'
import { pipeline, type Pipeline } from '../../compiler/passes/pass.js'
import { share } from '../../compiler/passes/share.js'
import { Emitter, type LoweringOptions, type Operand, type Result, type ShapedOperand } from './emitter.js'
import { decomposedOps, loweringOf, precisions, type Precision } from './lowerings/index.js'
import { supportedOpsets, type ElementType, type OnnxModel, type OnnxNode, type ValueInfo } from './model.js'

export const defaultLowering: LoweringOptions = { opset: supportedOpsets.first, precision: 'float32' }

/** ONNX Runtime works sums of weights out once as it loads a model, but has no kernel for sums of float16. */
export function passesFor({ precision, trains }: Pick<LoweringOptions, 'precision' | 'trains'>): Pipeline {
  if (trains) return training
  return precision === 'float16' ? inferenceOnStored : inference
}

/** What happens to a graph before its ops are lowered. */
function preparation(options: LoweringOptions): Pipeline {
  return pipeline(...passesFor(options).passes, decomposeOps(decomposedOps(options.opset)), share, eliminateDead)
}

/** The graph as an ONNX model. Only what the outputs depend on is written. Throws RangeError for an unknown opset. */
export function lower(graph: Graph, options: LoweringOptions = defaultLowering): OnnxModel {
  const g = emitterFor(graph, options)
  for (const { name } of graph.outputs) g.reserve(name)
  const given = graph.inputs.map(
    ({ name, value: { type } }) => [name, g.input(name, type.dataType, type.shape)] as const,
  )
  return finish(g, graph.name, lowerInto(g, graph, new Map(given)))
}

/** An emitter in which the names of the graph's parameters are taken. Throws RangeError for an unknown opset. */
export function emitterFor(graph: Graph, options: LoweringOptions): Emitter {
  const { first, last } = supportedOpsets
  if (!(options.opset >= first && options.opset <= last)) {
    throw new RangeError(`ONNX operator sets ${first} to ${last} can be written, not ${options.opset}`)
  }
  const g = new Emitter(options)
  for (const parameter of graph.parameters) g.reserve(parameter.name)
  return g
}

/** Adds the nodes of a graph whose inputs are the `given` operands. Its outputs, in the types that the graph has. */
export function lowerInto(g: Emitter, graph: Graph, given: ReadonlyMap<string, Operand>): NamedResult[] {
  return new GraphLowering(preparation(g.options).run(graph), g).run(given)
}

/** The model of all that was emitted, with its outputs under their names. */
export function finish(g: Emitter, name: string, results: readonly NamedResult[]): OnnxModel {
  const renamed = new Map<string, string>()
  const outputs = results.map(({ name, operand, shape }): ValueInfo => {
    const source = g.nodes.find((node) => node.outputs.includes(operand.name))
    const result =
      source && !renamed.has(operand.name) ? settled(g, operand, source, shape) : g.node('Identity', [operand])
    renamed.set(result.name, name)
    return { name, elementType: operand.elementType, shape }
  })
  const rename = (name: string) => renamed.get(name) ?? name
  const nodes = g.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }))
  const { constants, parameters, inputs, options } = g
  const order = options.trains ? resultsReversed(nodes) : nodes
  const between = g.nodes.flatMap((node) => node.outputs).filter((output) => !renamed.has(output))
  const values = between.flatMap((output) => g.shapes.get(output) ?? [])
  return { name, opset: options.opset, inputs, outputs, values, nodes: order, constants, parameters }
}

/**
 * ONNX Runtime computes the last of the nodes that nothing reads first, with all that it needs. In their own order that
 * is the gradient of the first layer: it would go back through the whole network, and keep all that the gradients of
 * weights are made of until the end. Reversed, each is computed as soon as it can be (emoji, batch 32: 3.4 to 2.0 GB).
 */
function resultsReversed(nodes: readonly OnnxNode[]): readonly OnnxNode[] {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs))
  const isRead = ({ outputs }: OnnxNode) => outputs.some((output) => read.has(output))
  return [...nodes.filter(isRead), ...nodes.filter((node) => !isRead(node)).toReversed()]
}

/** ONNX Runtime puts products at the end when it fuses them. A result of training must stay in its place. */
function settled(g: Emitter, operand: Operand, { opType }: OnnxNode, shape: Shape): Operand {
  const moves = g.options.trains === true && opType === 'MatMul'
  return moves ? g.node('Reshape', [operand, g.shape(shape)]) : operand
}

/** A value that leaves a graph under a name. */
export interface NamedResult extends Result {
  readonly name: string
}

class GraphLowering {
  readonly #g: Emitter
  readonly #operands = new Map<Node, Operand>()

  constructor(
    readonly graph: Graph,
    g: Emitter,
  ) {
    this.#g = g
  }

  run(given: ReadonlyMap<string, Operand>): NamedResult[] {
    const { graph } = this
    for (const { name, value } of graph.inputs) {
      this.#operands.set(value, given.get(name) ?? raise(`nothing was given for the input ${name}`))
    }
    for (const node of graph.nodes) {
      if (!this.#operands.has(node)) this.#operands.set(node, this.#lower(node))
    }
    this.#g.path = ''
    return graph.outputs.map(({ name, value }) => ({
      name,
      operand: this.#g.cast(this.#operand(value), value.type.dataType),
      shape: value.type.shape,
    }))
  }

  #operand(node: Node): Operand {
    return this.#operands.get(node) ?? raise(`node ${node.id} is used before it is computed`)
  }

  #lower(node: Node): Operand {
    const g = this.#g
    const { op, attributes, module } = node
    const parameter = parameterOf(node)
    if (parameter !== undefined) return g.parameter(parameter)
    const constant = constantOf(node)
    if (constant !== undefined) return g.constant(constant)
    const inputs = Object.entries(node.inputs).map(([name, value]): [string, ShapedOperand] => [
      name,
      { ...this.#operand(value), shape: value.type.shape },
    ])
    g.path = module.path
    const lowering = loweringOf(op, g.options.opset)
    const result = lowering(Object.fromEntries(this.#inPrecision(precisions[op] ?? 'follow', inputs)), attributes, g)
    return g.shaped(result, node.type.shape)
  }

  /** Brings the float inputs of an op to one type. */
  #inPrecision(precision: Precision, inputs: readonly [string, ShapedOperand][]): readonly [string, ShapedOperand][] {
    if (precision === 'own') return inputs
    const target = this.#target(
      precision,
      inputs.map(([, operand]) => operand),
    )
    return inputs.map(([name, operand]) => [
      name,
      isFloat(operand.elementType) ? { ...operand, ...this.#g.cast(operand, target) } : operand,
    ])
  }

  #target(precision: Precision, operands: readonly Operand[]): 'float32' | 'float16' {
    const { precision: narrow } = this.#g.options
    if (precision === 'half') return narrow
    if (precision === 'single' || narrow === 'float32') return 'float32'
    const floats = operands.filter(({ elementType }) => isFloat(elementType))
    const activations = floats.filter(({ constant, stored }) => constant === undefined && stored !== true)
    if (activations.some(({ elementType }) => elementType === 'float16')) return 'float16'
    const wide = floats.some(({ elementType, constant }) => constant === undefined && elementType === 'float32')
    return wide ? 'float32' : 'float16'
  }
}

function isFloat(type: ElementType): boolean {
  return type === 'float32' || type === 'float16'
}

function raise(message: string): never {
  throw new InternalError(message)
}
