/** Fitting the tensors that a run is given to what the graph declares, and finding the sizes of its symbols. */
import {
  evaluateDimension,
  isSymbolic,
  showShape,
  type Bindings,
  type Dimension,
  type Shape,
} from '../compiler/ir/dimension.js'
import type { Graph } from '../compiler/ir/graph.js'
import { dataTypeOf, elementCount, type Tensor } from '../compiler/ir/tensor.js'

/** The tensors given for a run are not those that the graph needs; the message says which and why. */
export class InputError extends Error {}

/** What a tensor is called and how large it is, in the words of whoever gives it. */
export interface Described {
  readonly dataType: string
  readonly shape: Shape
}

/** The sizes of all symbols, taken from the inputs' shapes. Throws InputError where an input does not fit. */
export function bindInputs(graph: Graph, inputs: Readonly<Record<string, Tensor>>): Bindings {
  const declared = graph.inputs.map(({ name, value }) => ({ name, ...value.type }))
  const given = Object.entries(inputs).map(
    ([name, { shape, data }]) => [name, { dataType: dataTypeOf(data), shape }] as const,
  )
  const bindings = bindShapes(declared, Object.fromEntries(given))
  for (const [name, { shape, data }] of Object.entries(inputs)) {
    if (data.length !== elementCount(shape))
      throw new InputError(`the input ${name} has ${data.length} numbers, too few or many for ${showShape(shape)}`)
  }
  return bindings
}

/** As bindInputs, for tensors of any library. */
export function bindShapes(
  declared: readonly (Described & { readonly name: string })[],
  inputs: Readonly<Record<string, { readonly dataType: string; readonly shape: readonly number[] }>>,
): Bindings {
  const names = declared.map(({ name }) => name)
  const unknown = Object.keys(inputs).filter((name) => !names.includes(name))
  if (unknown.length > 0)
    throw new InputError(`there is no input ${unknown.join(', ')}; inputs are ${names.join(', ')}`)

  const given = declared.map((input) => {
    const tensor = inputs[input.name]
    if (tensor === undefined) throw new InputError(`the input ${input.name}, ${show(input)}, is missing`)
    checkTensor(input, tensor)
    return { ...input, sizes: tensor.shape }
  })
  const bindings: Record<string, number> = {}
  for (const { shape, sizes } of given) shape.forEach((size, axis) => bind(size, sizes[axis] ?? 0, bindings))
  for (const { name, dataType, shape, sizes } of given) {
    if (shape.some((size, axis) => !fits(size, sizes[axis] ?? 0, bindings))) {
      const known = Object.entries(bindings).map(([symbol, size]) => `${symbol} = ${size}`)
      const where = known.length > 0 ? ` where ${known.join(', ')}` : ''
      const wanted = show({ dataType, shape })
      throw new InputError(`the input ${name} must be ${wanted}${where}, but has the shape ${showShape(sizes)}`)
    }
  }
  return bindings
}

function checkTensor({ name, dataType, shape }: Described & { readonly name: string }, tensor: Described): void {
  if (tensor.dataType !== dataType)
    throw new InputError(`the input ${name} must be ${dataType}, not ${tensor.dataType}`)
  if (tensor.shape.length === shape.length) return
  throw new InputError(
    `the input ${name} must be ${show({ dataType, shape })}, but has the shape ${showShape(tensor.shape)}`,
  )
}

/** Solves `coefficient * symbol = size`; a product of two symbols is only checked, once others have bound them. */
function bind(dimension: Dimension, size: number, bindings: Record<string, number>): void {
  if (!isSymbolic(dimension)) return
  const [name, ...others] = dimension.symbols
  if (name === undefined || others.length > 0) return
  bindings[name] ??= Math.floor(size / dimension.coefficient)
}

function fits(dimension: Dimension, size: number, bindings: Bindings): boolean {
  return evaluateDimension(dimension, bindings) === size
}

function show({ dataType, shape }: Described): string {
  return `${dataType}${showShape(shape)}`
}
