/** Writes zip archives without compression, as torch.save does: data aligned to 64 bytes, zip64 where it is needed. */
import { crc32 } from 'node:zlib'
import type { Output } from '../../files/whole.js'

const alignment = 64
/** Sizes and offsets from here on stand in a zip64 field. */
const limit32 = 0xffffffff
const utf8Names = 0x0800
/** 1 January 1980, the earliest date: the same content gives the same file. */
const date = 0x21

interface WrittenEntry {
  readonly name: Buffer
  readonly size: number
  readonly crc: number
  readonly position: number
}

const clipped = (value: number) => Math.min(value, limit32)

/** Little-endian fields, given as [value, bytes]. */
function fields(...values: readonly (readonly [value: number, bytes: 2 | 4 | 8])[]): Buffer {
  const buffer = Buffer.alloc(values.reduce((sum, [, bytes]) => sum + bytes, 0))
  let at = 0
  for (const [value, bytes] of values) {
    if (bytes === 8) buffer.writeBigUInt64LE(BigInt(value), at)
    else buffer.writeUIntLE(value, at, bytes)
    at += bytes
  }
  return buffer
}

/** What the local header and the directory say alike: from the version needed to the length of the name. */
function description({ name, size, crc }: WrittenEntry, zip64: boolean): Buffer {
  return Buffer.concat([
    fields([zip64 ? 45 : 20, 2], [utf8Names, 2], [0, 2], [0, 2], [date, 2]),
    fields([crc, 4], [clipped(size), 4], [clipped(size), 4], [name.length, 2]),
  ])
}

function localHeader(entry: WrittenEntry): Buffer {
  const zip64 = entry.size >= limit32
  const large = zip64 ? fields([1, 2], [16, 2], [entry.size, 8], [entry.size, 8]) : Buffer.alloc(0)
  const unaligned = entry.position + 30 + entry.name.length + large.length + 4
  const padding = Buffer.alloc((alignment - (unaligned % alignment)) % alignment)
  const extra = Buffer.concat([large, fields([0x4246, 2], [padding.length, 2]), padding])
  const fixed = [fields([0x04034b50, 4]), description(entry, zip64), fields([extra.length, 2])]
  return Buffer.concat([...fixed, entry.name, extra])
}

function directoryHeader(entry: WrittenEntry): Buffer {
  const wide = [entry.size, entry.size, entry.position].filter((value) => value >= limit32)
  const zip64 = wide.length > 0
  const extra = zip64
    ? fields([1, 2], [wide.length * 8, 2], ...wide.map((value) => [value, 8] as const))
    : Buffer.alloc(0)
  return Buffer.concat([
    fields([0x02014b50, 4], [zip64 ? 45 : 20, 2]),
    description(entry, zip64),
    fields([extra.length, 2], [0, 2], [0, 2], [0, 2], [0, 4], [clipped(entry.position), 4]),
    entry.name,
    extra,
  ])
}

/** The end of the directory; its zip64 form stands before it when a number needs it. */
function directoryEnd(count: number, size: number, position: number): Buffer {
  const zip64 = count >= 0xffff || size >= limit32 || position >= limit32
  const end = fields(
    ...([
      [0x06054b50, 4],
      [0, 2],
      [0, 2],
      [Math.min(count, 0xffff), 2],
      [Math.min(count, 0xffff), 2],
    ] as const),
    ...([
      [clipped(size), 4],
      [clipped(position), 4],
      [0, 2],
    ] as const),
  )
  if (!zip64) return end
  const record = fields(
    ...([
      [0x06064b50, 4],
      [44, 8],
      [45, 2],
      [45, 2],
      [0, 4],
      [0, 4],
      [count, 8],
      [count, 8],
    ] as const),
    ...([
      [size, 8],
      [position, 8],
    ] as const),
  )
  const locator = fields([0x07064b50, 4], [0, 4], [position + size, 8], [1, 4])
  return Buffer.concat([record, locator, end])
}

/** An archive being written from start to end. */
export class ZipWriter {
  readonly #output: Output
  readonly #entries: WrittenEntry[] = []
  constructor(output: Output) {
    this.#output = output
  }

  /** Adds a file of `size` bytes. The checksum is filled in once its bytes have gone by. */
  async add(name: string, size: number, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    const entry = { name: Buffer.from(name), size, crc: 0, position: this.#output.position }
    await this.#output.append(localHeader(entry))
    let crc = 0
    for await (const piece of pieces) {
      crc = crc32(piece, crc)
      await this.#output.append(piece)
    }
    await this.#output.writeAt(localHeader({ ...entry, crc }), entry.position)
    this.#entries.push({ ...entry, crc })
  }

  /** Writes the directory. */
  async finish(): Promise<void> {
    const position = this.#output.position
    for (const entry of this.#entries) await this.#output.append(directoryHeader(entry))
    await this.#output.append(directoryEnd(this.#entries.length, this.#output.position - position, position))
  }
}
