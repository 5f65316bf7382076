/** Writes the one pickle that a checkpoint needs: an ordered dictionary of contiguous tensors (protocol 2). */
import { bytesOf, elementsOf } from './dtype.js'
import { torchNames } from './pickle-names.js'
import type { TensorEntry } from './source.js'

/** Instructions as text, a byte a character, and numbers and names in between. */
class PickleWriter {
  readonly #pieces: Buffer[] = []

  /** Instructions without arguments. */
  code(characters: string): this {
    this.#pieces.push(Buffer.from(characters, 'latin1'))
    return this
  }

  text(value: string): this {
    const utf8 = Buffer.from(value, 'utf8')
    const length = Buffer.alloc(4)
    length.writeUInt32LE(utf8.length)
    this.code('X')
    this.#pieces.push(length, utf8)
    return this
  }

  global(module: string, name: string): this {
    return this.code(`c${module}\n${name}\n`)
  }

  /** 32-bit integers as such, larger ones with a length of eight bytes. */
  whole(value: number): this {
    const small = value < 2 ** 31
    const bytes = Buffer.alloc(small ? 4 : 8)
    if (small) bytes.writeInt32LE(value)
    else bytes.writeBigInt64LE(BigInt(value))
    this.code(small ? 'J' : '\x8a\x08')
    this.#pieces.push(bytes)
    return this
  }

  wholes(values: readonly number[]): this {
    this.code('(')
    for (const value of values) this.whole(value)
    return this.code('t')
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#pieces)
  }
}

function rowMajorStrides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elementsOf(shape.slice(axis + 1).map((side) => Math.max(1, side))))
}

/** `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`; v3 also takes the element type. */
function writeTensor(writer: PickleWriter, { dtype, shape }: TensorEntry, key: string): void {
  const { storage, elements } = torchNames(dtype)
  const count = elementsOf(shape)
  const length = elements === undefined ? count : count * bytesOf(dtype)
  writer.global('torch._utils', elements === undefined ? '_rebuild_tensor_v2' : '_rebuild_tensor_v3').code('((')
  writer.text('storage').global(elements === undefined ? 'torch' : 'torch.storage', storage)
  writer.text(key).text('cpu').whole(length).code('tQ')
  writer.whole(0).wholes(shape).wholes(rowMajorStrides(shape))
  writer.code('\x89').global('collections', 'OrderedDict').code(')R')
  if (elements !== undefined) writer.global('torch', elements)
  writer.code('tR')
}

/** The pickle of `OrderedDict(name -> tensor)`; the i-th tensor's storage has the key `i`. */
export function pickleOfTensors(entries: readonly TensorEntry[]): Uint8Array {
  const writer = new PickleWriter().code('\x80\x02').global('collections', 'OrderedDict').code(')R(')
  entries.forEach((entry, i) => {
    writer.text(entry.name)
    writeTensor(writer, entry, String(i))
  })
  return writer.code('u.').bytes()
}
