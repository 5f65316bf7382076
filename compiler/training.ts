/** From a model to the graph that trains it: images and draws in, the loss and the gradient of every parameter out. */
import { addGradients, type Seed } from './build/gradients.js'
import { buildLoss, type LossOptions } from './build/loss.js'
import { segmentsOf, type Recompute } from './build/recomputation.js'
import type { Model } from './check/model.js'
import type { Report } from './diagnostics/diagnostic.js'
import { InternalError } from './diagnostics/internal.js'
import { GraphBuilder } from './ir/builder.js'
import { parameterOf, type Graph, type NamedValue, type Node, type Value } from './ir/graph.js'
import type { Parameter } from './ir/parameter.js'
import { drawDropout } from './passes/draw_dropout.js'
import { differentiable, training } from './passes/index.js'

export interface GradientOptions {
  /** What is computed a second time to save memory; nothing by default. */
  readonly recompute?: Recompute
  /** Parameters that stay as they are. Those that are only stored have no gradient anyway. */
  readonly frozen?: (parameter: Parameter) => boolean
}

export interface TrainingOptions extends LossOptions, GradientOptions {
  /** Whether the gradients are those of the loss times an input `loss_scale`, for devices that compute in float16. */
  readonly lossScale?: boolean
}

/** The name of a parameter's or an input's gradient among a graph's outputs. */
export function gradientName(name: string): string {
  return `gradient.${name}`
}

/**
 * The loss of buildLoss with its gradients. Outputs: `loss`, the mean of `losses` over the batch, all that buildLoss
 * gives, and `gradient.PARAMETER` for each parameter that is trained and that the loss depends on. Dropout takes its
 * draws as inputs (see drawDropout).
 */
export function buildTraining(model: Model, report: Report, options: TrainingOptions = {}): Graph {
  const graph = differentiable.run(buildLoss(model, report, options))
  const builder = GraphBuilder.extend(graph)
  const losses = outputOf(graph, 'losses')
  const loss = builder.b.mean(losses, { axes: [0], keep: false })
  const scale = options.lossScale ? builder.input('loss_scale', { dataType: 'float32', shape: [] }) : undefined
  const outputs = [{ name: 'loss', value: loss }, ...graph.outputs]
  const one = scale ?? builder.b.scalar(1)
  return withGradients(builder.finish(outputs, graph.parameters), () => [{ value: loss, gradient: one }], options)
}

/**
 * A graph with the gradients of its parameters, and of the inputs that are named, as further outputs. `seedsOf` gives
 * the values that are differentiated, each with its own gradient, in the graph whose dropout is drawn. The graph that
 * comes out is simplified.
 */
export function withGradients(
  graph: Graph,
  seedsOf: (graph: Graph) => readonly Seed[],
  { recompute = 'none', frozen = () => false }: GradientOptions,
  inputs: readonly string[] = [],
): Graph {
  // Before the gradients, which must see what is dropped; nothing is left to draw afterwards.
  const drawn = drawDropout.run(graph)
  const builder = GraphBuilder.extend(drawn)
  const wanted = new Map<Node, string>()
  for (const node of drawn.nodes) {
    const parameter = parameterOf(node)
    if (parameter?.trainable === true && !frozen(parameter)) wanted.set(node, parameter.name)
  }
  for (const { name, value } of drawn.inputs) if (inputs.includes(name)) wanted.set(value, name)
  const found = addGradients(builder, drawn.nodes, seedsOf(drawn), new Set(wanted.keys()), segmentsOf(recompute))
  const sums = new Map<string, Value>()
  for (const [node, gradient] of found) {
    const name = gradientName(wanted.get(node) ?? '')
    const before = sums.get(name)
    sums.set(name, before === undefined ? gradient : builder.b.add(before, gradient))
  }
  const gradients = Array.from(sums, ([name, value]): NamedValue => ({ name, value }))
  return training.run(builder.finish([...drawn.outputs, ...gradients], drawn.parameters))
}

function outputOf(graph: Graph, name: string): Value {
  const output = graph.outputs.find((candidate) => candidate.name === name)
  if (output === undefined) throw new InternalError(`the graph has no output ${name}`)
  return output.value
}
