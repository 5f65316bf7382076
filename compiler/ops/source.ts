/** The ops without inputs: what a graph is given, its parameters and its constants. */
import type { Shape } from '../ir/dimension.js'
import type { Parameter } from '../ir/parameter.js'
import { dataTypeOf, type DataType, type Tensor } from '../ir/tensor.js'
import { float32, type Op } from './op.js'

/** The engine hands these tensors in; evaluating one is a fault of the engine. */
function given(): never {
  throw new Error('inputs and parameters are handed in by the engine')
}

/** There is no input to give a gradient to. */
const sourceGradient = () => ({})

/** A tensor that the user of the graph gives. */
export const input: Op<[], { readonly name: string; readonly dataType: DataType; readonly shape: Shape }> = {
  inputs: [],
  infer: (_, { dataType, shape }) => ({ dataType, shape }),
  gradient: sourceGradient,
  evaluate: given,
}

/** A stored tensor of the model. */
export const parameter: Op<[], { readonly parameter: Parameter }> = {
  inputs: [],
  infer: (_, { parameter: { shape } }) => float32(shape),
  gradient: sourceGradient,
  evaluate: given,
}

/** A tensor that is known when the model is compiled. */
export const constant: Op<[], { readonly tensor: Tensor }> = {
  inputs: [],
  infer: (_, { tensor }) => ({ dataType: dataTypeOf(tensor.data), shape: tensor.shape }),
  gradient: sourceGradient,
  evaluate: (_, { tensor }) => tensor,
}
