/**
 * Results of training, written straight into arrays that are given. onnxruntime-node 1.30 lets ONNX Runtime write into
 * such arrays and then copies every result to a new one all the same, which costs S64 1.7 GB and a twelfth of each step.
 * It does so one result after the other, once all are computed, and stops at one that it has no form for. So such a
 * result, an empty sequence, comes first. A version that can convert it loses nothing but the time.
 */
import type { Tensor, TypedTensor } from 'onnxruntime-node'
import { evaluateShape, type Bindings } from '../../compiler/ir/dimension.js'
import type { Graph } from '../../compiler/ir/graph.js'
import { elementCount } from '../../compiler/ir/tensor.js'
import { gradientName } from '../../compiler/training.js'
import type { OnnxModel } from './model.js'

const sequence = 'unconvertible'

/** Whether a graph gives gradients of parameters, in float32 as all else that it gives. */
export function givesGradients(graph: Graph): boolean {
  const names = new Set(graph.parameters.map(({ name }) => gradientName(name)))
  return (
    graph.outputs.some(({ name }) => names.has(name)) &&
    graph.outputs.every(({ value }) => value.type.dataType === 'float32')
  )
}

/** The model with an empty sequence ahead of its results. */
export function withSequence(model: OnnxModel): OnnxModel {
  const node = { name: sequence, opType: 'SequenceEmpty', inputs: [], outputs: [sequence], attributes: {} }
  const output = { name: sequence, elementType: 'float32', shape: [], isSequence: true } as const
  return { ...model, nodes: [...model.nodes, node], outputs: [output, ...model.outputs] }
}

/** Arrays for the results of a graph: those of gradients are kept from run to run, the others are new in each. */
export class ResultArrays {
  readonly #gradients = new Map<string, TypedTensor<'float32'>>()
  readonly #kept: ReadonlySet<string>

  constructor(
    private readonly graph: Graph,
    private readonly create: (data: Float32Array, shape: readonly number[]) => TypedTensor<'float32'>,
  ) {
    this.#kept = new Set(graph.parameters.map(({ name }) => gradientName(name)))
  }

  /** What a run is asked for: each result with its array, and the sequence. */
  fetches(bindings: Bindings): Record<string, Tensor | null> {
    const arrays = this.graph.outputs.map(({ name, value }) => {
      const kept = this.#gradients.get(name)
      if (kept !== undefined) return [name, kept] as const
      const shape = evaluateShape(value.type.shape, bindings)
      const made = this.create(new Float32Array(elementCount(shape)), shape)
      if (this.#kept.has(name)) this.#gradients.set(name, made)
      return [name, made] as const
    })
    return { [sequence]: null, ...Object.fromEntries(arrays) }
  }
}

/** Runs, and takes the sequence that could not be converted for the sign that all was computed. */
export async function untilConverted(run: Promise<unknown>): Promise<void> {
  await run.catch((error: unknown) => {
    if (!(error instanceof Error && error.message.includes('Non tensor type'))) throw error
  })
}
