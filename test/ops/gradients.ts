/** Gradients of graphs, and what they are checked against: central differences of the graph itself. */
import { expect } from 'vitest'
import { addGradients } from '../../compiler/build/gradients.js'
import { GraphBuilder } from '../../compiler/ir/builder.js'
import type { Graph } from '../../compiler/ir/graph.js'
import { floats, type Tensor } from '../../compiler/ir/tensor.js'
import { gradientName } from '../../compiler/training.js'
import { randn } from './tensors.js'

/**
 * The graph with an input `seed`, the gradient with respect to its first output, and further outputs `gradient.NAME` for
 * its inputs of real numbers. As the ops give them: no pass has touched it.
 */
export function withInputGradients(graph: Graph): Graph {
  const builder = GraphBuilder.extend(graph)
  const [result] = graph.outputs
  if (result === undefined) throw new Error('the graph has no output')
  const dy = builder.input('seed', result.value.type)
  const wanted = graph.inputs.filter(({ value }) => value.type.dataType === 'float32')
  const seeds = [{ value: result.value, gradient: dy }]
  const found = addGradients(builder, graph.nodes, seeds, new Set(wanted.map(({ value }) => value)))
  const gradients = wanted.flatMap(({ name, value }) => {
    const gradient = found.get(value)
    return gradient === undefined ? [] : [{ name: gradientName(name), value: gradient }]
  })
  return builder.finish([...graph.outputs, ...gradients], graph.parameters)
}

/** How far the scalar moves for a step, and by how much its roundings may be off. */
interface Difference {
  readonly change: number
  readonly error: number
}

type Run = (inputs: Readonly<Record<string, Tensor>>) => Promise<Tensor | undefined>

/**
 * Steps of 1/64 to 1/256, by the size of the number that is moved: x + h and x - 2h are float32 numbers but for a
 * share of 1e-5 of the step, also where x is 1e4. Five points leave an error of h^4 / 30 times the fifth derivative.
 */
const step = (x: number) => Math.min(1, Math.max(0.25, Math.abs(x))) / 64

/** The share of the gradient's size by which a difference may be off, beside the rounding of the results. */
const tolerance = 1e-3

/** By how much of its size a float32 number is rounded at most. */
const rounding = 2 ** -24

/** How many elements of an input are moved one by one; all are moved together once more. */
const elements = 24

/**
 * Checks the gradient of sum(dy * result) with respect to one input. No kink may be within 1/32 of the inputs: a
 * difference across it is no derivative.
 */
export async function expectGradient(
  run: Run,
  inputs: Readonly<Record<string, Tensor>>,
  name: string,
  dy: Tensor,
  gradient: Tensor | undefined,
): Promise<void> {
  const x = inputs[name]
  if (x === undefined) throw new Error(`there is no input ${name}`)
  expect(gradient?.shape).toEqual(x.shape)
  const slope = (i: number) => gradient?.data[i] ?? NaN
  const along = async (moves: ReadonlyMap<number, number>): Promise<Difference> => {
    const total = async (times: number) => {
      const data = Float32Array.from(x.data)
      for (const [i, move] of moves) data[i] = (data[i] ?? 0) + times * move
      const result = await run({ ...inputs, [name]: floats(x.shape, data) })
      return result?.data ?? []
    }
    const [a, b, c, d] = [await total(-2), await total(-1), await total(1), await total(2)]
    let [change, error] = [0, 0]
    dy.data.forEach((weight, i) => {
      const [p, q, r, s] = [a[i] ?? NaN, b[i] ?? NaN, c[i] ?? NaN, d[i] ?? NaN]
      change += weight * ((p - s) / 12 + (r - q) / 1.5)
      // What does not change is rounded alike.
      if (p !== s || q !== r)
        error += Math.abs(weight) * rounding * ((Math.abs(p) + Math.abs(s)) / 12 + (Math.abs(r) + Math.abs(q)) / 1.5)
    })
    return { change, error }
  }
  const steps = Array.from(x.data, step)
  const expected = steps.map((h, i) => slope(i) * h)
  const typical = Math.hypot(...expected) / Math.sqrt(expected.length)

  const every = Math.ceil(steps.length / elements)
  for (let i = 0; i < steps.length; i += every) {
    const { change, error } = await along(new Map([[i, steps[i] ?? 0]]))
    const size = Math.max(Math.abs(expected[i] ?? NaN), typical)
    const apart = Math.abs(change - (expected[i] ?? NaN))
    expect(apart, `element ${i} of ${name}`).toBeLessThanOrEqual(tolerance * size + error)
  }

  const signs = randn(x.shape, 13).data.map(Math.sign)
  const { change, error } = await along(new Map(steps.map((h, i) => [i, h * (signs[i] ?? 0)])))
  const total = expected.reduce((sum, slope, i) => sum + slope * (signs[i] ?? 0), 0)
  const size = Math.hypot(...expected)
  expect(Math.abs(change - total), `all elements of ${name}`).toBeLessThanOrEqual(tolerance * size + error)
}
