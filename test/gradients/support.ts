/** What tests of whole training graphs share: inputs of every kind, and weights that stay where they are. */
import type { Engine, ParameterValues } from '../../backends/engine.js'
import { evaluateShape, type Bindings } from '../../compiler/ir/dimension.js'
import type { Graph } from '../../compiler/ir/graph.js'
import type { Parameter } from '../../compiler/ir/parameter.js'
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'
import { dropoutPrefix } from '../../compiler/passes/draw_dropout.js'
import { gradientName } from '../../compiler/training.js'
import { fillNormal } from '../../runtime/random/philox.js'
import { ruleUniforms, ruleValues } from '../../runtime/weights/rule.js'

export type Tensors = Readonly<Record<string, Tensor>>

function normal(name: string, count: number): Float32Array {
  const data = new Float32Array(count)
  fillNormal(data, { seed: 5, name })
  return data
}

/** Numbers for an input by its name: steps and labels are whole, draws lie between 0 and 1, some words are padding. */
function dataFor(name: string, shape: readonly number[]): Tensor['data'] {
  const count = elementCount(shape)
  const uniform = ruleUniforms(name)
  if (name === 'times') return Float64Array.from({ length: count }, (_, i) => 7 + ((i * 391) % 90))
  if (name === 'label') return new Float64Array(count)
  if (name.startsWith(dropoutPrefix)) return Float32Array.from({ length: count }, (_, i) => (uniform(i) + 1) / 2)
  if (name === 'text_mask') return Float32Array.from({ length: count }, (_, i) => (i % (shape[1] ?? 1) < 2 ? 1 : 0))
  return normal(name, count)
}

/** Inputs for a graph that trains, of the sizes in `bindings`. */
export function inputsFor(graph: Graph, bindings: Bindings): Tensors {
  const named = graph.inputs.map(({ name, value: { type } }) => {
    const shape = evaluateShape(type.shape, bindings)
    return [name, { shape, data: dataFor(name, shape) }] as const
  })
  return Object.fromEntries(named)
}

/** Weights by the rule, in arrays that a test may change between two runs. */
export class StoredWeights implements ParameterValues {
  readonly arrays: ReadonlyMap<string, Float32Array>

  constructor(parameters: readonly Parameter[]) {
    this.arrays = new Map(parameters.map(({ name, shape }) => [name, ruleValues(name, shape)]))
  }

  async read(name: string): Promise<Float32Array> {
    return this.arrays.get(name) ?? new Float32Array()
  }
}

/** The outputs of a training graph in one run with weights by the rule. */
export async function outputsOn(engine: Engine, graph: Graph, bindings: Bindings): Promise<Tensors> {
  const weights = new StoredWeights(graph.parameters)
  const session = await engine.prepare(graph, weights, { device: 'cpu', trains: true })
  return session.run(inputsFor(graph, bindings)).finally(() => session.dispose())
}

/** The names of the parameters that a training graph has gradients of. */
export function trainedIn(graph: Graph): string[] {
  const outputs = new Set(graph.outputs.map(({ name }) => name))
  return graph.parameters.map(({ name }) => name).filter((name) => outputs.has(gradientName(name)))
}
