/** Tensors on a device of tfjs, and as the rest of mdmc holds them. */
import type { Tensor as TfjsTensor } from '@tensorflow/tfjs-core'
import { dataTypeOf, type DataType, type Tensor } from '../../compiler/ir/tensor.js'
import { InputError } from '../inputs.js'
import type { Tfjs } from './devices.js'

/** What tfjs calls the types. */
export const typeNames = { float32: 'float32', int64: 'int32', bool: 'bool' } as const satisfies Record<
  DataType,
  string
>

/** The tensor on the device. Whole numbers have 32 bits there: throws an InputError, under this name, where they need more. */
export function uploaded(tf: Pick<Tfjs, 'tensor'>, { shape, data }: Tensor, name = 'a tensor'): TfjsTensor {
  const values = data instanceof Float64Array ? Int32Array.from(data) : data
  if (values instanceof Int32Array && values.some((value, i) => value !== data[i]))
    throw new InputError(`${name} has numbers of more than 32 bits`)
  return tf.tensor(values, [...shape], typeNames[dataTypeOf(data)])
}

/** The tensor's numbers in memory. */
export async function downloaded(tensor: TfjsTensor): Promise<Tensor> {
  const data = await tensor.data()
  return { shape: tensor.shape, data: data instanceof Int32Array ? Float64Array.from(data) : data }
}
