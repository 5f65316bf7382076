/** Places a checkpoint's tensors in its archive, checking each against its storage. */
import { dtypeUnknown, pthTensorInvalid, quoted } from '../../compiler/diagnostics/weights.js'
import { swapBytes } from './decode.js'
import { bytesOf, elementsOf, isDtype, type Dtype } from './dtype.js'
import { WeightFailure } from './failure.js'
import type { PickleTensor } from './pickle-values.js'
import { requireReadable } from './stored.js'
import { endOf, gather, isContiguous, type View } from './strided.js'
import type { ZipArchive, ZipEntry } from './zip.js'

/** A view may be larger than its storage (an expanded tensor), but not by so much. */
const largestExpansion = 2 ** 24

/** A tensor and the file in the archive that holds its storage. */
export interface PlacedTensor extends View {
  readonly name: string
  readonly dtype: Dtype
  readonly entry: ZipEntry
  /** Its elements follow each other, uncompressed: they can be read in place. */
  readonly inPlace: boolean
}

/** Checks a tensor and finds its storage in the archive, under the folder `folder`. */
export async function placeTensor(
  archive: ZipArchive,
  folder: string,
  name: string,
  { dtype, storage, ...view }: PickleTensor,
): Promise<PlacedTensor> {
  const invalid = (problem: string) => new WeightFailure(pthTensorInvalid({ tensor: name, problem }))
  if (!isDtype(dtype)) throw new WeightFailure(dtypeUnknown({ tensor: name, dtype }))
  if (storage.dtype !== undefined && storage.dtype !== dtype) throw invalid('its storage is of another element type')
  const entry = await archive.find(`${folder}data/${storage.key}`)
  if (entry === undefined) throw invalid(`its storage ${quoted(storage.key, 40)} is not in the archive`)
  const size = bytesOf(dtype)
  const claimed = storage.length * (storage.dtype === undefined ? 1 : size)
  if (claimed !== entry.size) throw invalid(`its storage has ${entry.size} bytes instead of ${claimed}`)
  const end = endOf(view)
  if (!(end * size <= entry.size)) throw invalid(`it reaches to element ${end} of ${Math.floor(entry.size / size)}`)
  const elements = elementsOf(view.shape)
  if (elements * size > Math.max(entry.size, largestExpansion)) throw invalid('it is far larger than its storage')
  requireReadable(name, elements)
  const { offset, shape, strides } = view
  return { name, dtype, entry, offset, shape, strides, inPlace: !entry.deflated && isContiguous(view) }
}

/** The bytes of a tensor that cannot be read in place: row-major, little-endian. */
export async function gatherTensor(archive: ZipArchive, tensor: PlacedTensor, bigEndian: boolean): Promise<Uint8Array> {
  const size = bytesOf(tensor.dtype)
  const span = new Uint8Array((endOf(tensor) - tensor.offset) * size)
  await archive.readInto(span, tensor.entry, tensor.offset * size)
  if (bigEndian) swapBytes(span, size)
  return isContiguous(tensor) ? span : gather(span, tensor, size)
}
