/** The cases of ops with the gradients of their inputs, for engines that run them. */
import { evaluateShape } from '../../compiler/ir/dimension.js'
import { GraphBuilder } from '../../compiler/ir/builder.js'
import type { Graph } from '../../compiler/ir/graph.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { dropoutPrefix } from '../../compiler/passes/draw_dropout.js'
import { withGradients } from '../../compiler/training.js'
import type { Case } from './cases.js'
import { noise, type Network } from './support.js'

/** Not differentiable, or of a size that a gradient cannot have: see the op. */
export const withoutGradients: readonly string[] = ['quantile', 'oneHot', 'toFloat', 'after 3', 'pad 6', 'pad 7']

/** What the gradient with respect to `y` is called among the inputs. */
export const seed = 'seed'

/** A case with the gradients of its inputs and parameters, as a training graph has them. */
export function withGradientsOf({ graph, weights }: Case): Network {
  const builder = GraphBuilder.extend(graph)
  const [y] = graph.outputs
  if (y === undefined) throw new Error('the case has no output')
  const gradient = builder.input(seed, y.value.type)
  const seeded = builder.finish(graph.outputs, graph.parameters)
  const seeds = ({ outputs }: Graph) => outputs.map(({ value }) => ({ value, gradient }))
  const names = graph.inputs.map(({ name }) => name)
  return { graph: withGradients(seeded, seeds, {}, names), weights }
}

/** Draws for the dropout of a graph with a batch of 2. */
export function drawsFor({ inputs }: Graph): Readonly<Record<string, Tensor>> {
  const drawn = inputs.filter(({ name }) => name.startsWith(dropoutPrefix))
  const uniform = (shape: readonly number[]) => ({ shape, data: noise(shape).data.map((value) => Math.abs(value) % 1) })
  return Object.fromEntries(
    drawn.map(({ name, value }) => [name, uniform(evaluateShape(value.type.shape, { batch: 2 }))]),
  )
}
