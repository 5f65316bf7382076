/** NumPy's scalars, which training loops leave in checkpoints as counters and averages. */
import { isKind, record, type PickleValue } from './pickle-values.js'

const readers: Readonly<Record<string, (view: DataView, little: boolean) => number | bigint | boolean>> = {
  f8: (view, little) => view.getFloat64(0, little),
  f4: (view, little) => view.getFloat32(0, little),
  i8: (view, little) => view.getBigInt64(0, little),
  i4: (view, little) => view.getInt32(0, little),
  i2: (view, little) => view.getInt16(0, little),
  i1: (view) => view.getInt8(0),
  u8: (view, little) => view.getBigUint64(0, little),
  u4: (view, little) => view.getUint32(0, little),
  u2: (view, little) => view.getUint16(0, little),
  u1: (view) => view.getUint8(0),
  b1: (view) => view.getUint8(0) !== 0,
}

/** `numpy.core.multiarray.scalar(dtype, bytes)`: the number, or an inert record for other types. */
export function numpyScalar(made: readonly PickleValue[]): PickleValue {
  const [dtype, bytes] = made
  const inert = record('numpy.core.multiarray.scalar', made)
  if (!isKind(dtype, 'record') || dtype.type !== 'numpy.dtype' || !(bytes instanceof Uint8Array)) return inert
  const [code] = dtype.arguments
  if (typeof code !== 'string' || !Object.hasOwn(readers, code) || bytes.length !== Number(code.slice(1))) return inert
  const order = isKind(dtype.state, 'tuple') ? dtype.state.items[1] : '<'
  return readers[code]?.(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), order !== '>') ?? inert
}
