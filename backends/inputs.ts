/** Fitting the tensors that a run is given to what the graph declares, and finding the sizes of its symbols. */
import { evaluateDimension, isSymbolic, type Bindings, type Dimension } from '../compiler/ir/dimension.js'
import type { Graph } from '../compiler/ir/graph.js'
import { dataTypeOf, elementCount, showType, type Tensor, type TensorType } from '../compiler/ir/tensor.js'

/** The tensors given for a run are not those that the graph needs; the message says which and why. */
export class InputError extends Error {}

/** The sizes of all symbols, taken from the inputs' shapes. Throws InputError where an input does not fit. */
export function bindInputs(graph: Graph, inputs: Readonly<Record<string, Tensor>>): Bindings {
  const names = graph.inputs.map(({ name }) => name)
  const unknown = Object.keys(inputs).filter((name) => !names.includes(name))
  if (unknown.length > 0)
    throw new InputError(`there is no input ${unknown.join(', ')}; inputs are ${names.join(', ')}`)

  const given = graph.inputs.map(({ name, value: { type } }) => {
    const tensor = inputs[name]
    if (tensor === undefined) throw new InputError(`the input ${name}, ${showType(type)}, is missing`)
    checkTensor(name, type, tensor)
    return { name, type, tensor }
  })
  const bindings: Record<string, number> = {}
  for (const { type, tensor } of given)
    type.shape.forEach((size, axis) => bind(size, tensor.shape[axis] ?? 0, bindings))
  for (const { name, type, tensor } of given) {
    if (type.shape.some((size, axis) => !fits(size, tensor.shape[axis] ?? 0, bindings))) {
      const sizes = Object.entries(bindings).map(([symbol, size]) => `${symbol} = ${size}`)
      const where = sizes.length > 0 ? ` where ${sizes.join(', ')}` : ''
      throw new InputError(`the input ${name} must be ${showType(type)}${where}, but has the shape ${show(tensor)}`)
    }
  }
  return bindings
}

function checkTensor(name: string, type: TensorType, tensor: Tensor): void {
  const dataType = dataTypeOf(tensor.data)
  if (dataType !== type.dataType) throw new InputError(`the input ${name} must be ${type.dataType}, not ${dataType}`)
  if (tensor.shape.length !== type.shape.length) {
    throw new InputError(`the input ${name} must be ${showType(type)}, but has the shape ${show(tensor)}`)
  }
  if (tensor.data.length !== elementCount(tensor.shape)) {
    throw new InputError(`the input ${name} has ${tensor.data.length} numbers, too few or many for ${show(tensor)}`)
  }
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

function show({ shape }: Tensor): string {
  return `[${shape.join(', ')}]`
}
