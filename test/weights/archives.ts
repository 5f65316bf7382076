/** Archives and checkpoints made byte by byte, right or wrong as a test needs them. */
import { crc32, deflateRawSync } from 'node:zlib'
import type { WeightSource } from '../../runtime/weights/source.js'

export interface ZippedFile {
  readonly name: string
  readonly data: Uint8Array
  readonly deflate?: boolean
  /** A size to claim instead of the true one. */
  readonly claim?: number
}

/** A zip archive, written plainly. */
export function zipOf(files: readonly ZippedFile[]): Uint8Array {
  const local: Buffer[] = []
  const directory: Buffer[] = []
  let position = 0
  for (const { name, data, deflate = false, claim = data.length } of files) {
    const content = deflate ? deflateRawSync(data) : Buffer.from(data)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(deflate ? 8 : 0, 4)
    common.writeUInt32LE(crc32(data), 10)
    common.writeUInt32LE(content.length, 14)
    common.writeUInt32LE(claim, 18)
    common.writeUInt16LE(name.length, 22)
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(position, 10)
    const pieces = [Buffer.from('PK\x03\x04'), common, Buffer.from(name), content]
    local.push(...pieces)
    directory.push(Buffer.from('PK\x01\x02\x14\x00'), common, rest, Buffer.from(name))
    position += pieces.reduce((sum, piece) => sum + piece.length, 0)
  }
  const table = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(files.length, 8)
  end.writeUInt16LE(files.length, 10)
  end.writeUInt32LE(table.length, 12)
  end.writeUInt32LE(position, 16)
  return Buffer.concat([...local, table, end])
}

/** A safetensors file of any header text. */
export function safetensorsOf(header: unknown, data = new Uint8Array(0)): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, data])
}

/** A checkpoint whose pickle is the given program, in which a byte is a character. */
export function checkpointOf(pickle: string, files: readonly ZippedFile[] = []): Uint8Array {
  return zipOf([{ name: 'archive/data.pkl', data: Buffer.from(pickle, 'latin1') }, ...files])
}

/** A pickled string. */
export const text = (value: string) => `X${String.fromCharCode(value.length)}\0\0\0${value}`
const byte = (value: number) => `K${String.fromCharCode(value)}`
const sizes = (values: readonly number[]) => `(${values.map(byte).join('')}t`

/** The pickle of one float32 tensor; sizes below 256. */
export function tensorPickle(view: {
  shape: number[]
  strides: number[]
  offset?: number
  length: number
  key?: string
}): string {
  const storage = `(${text('storage')}ctorch\nFloatStorage\n${text(view.key ?? '0')}${text('cpu')}${byte(view.length)}tQ`
  const made = `${storage}${byte(view.offset ?? 0)}${sizes(view.shape)}${sizes(view.strides)}\x89ccollections\nOrderedDict\n)R`
  return `ctorch._utils\n_rebuild_tensor_v2\n(${made}tR`
}

/** Reads everything a source has, as a command would. */
export async function readEverything(source: WeightSource): Promise<number> {
  let elements = 0
  for (const { name } of source.entries) {
    elements += (await source.read(name)).length
    for await (const piece of source.bytes(name)) elements += piece.length
  }
  return elements
}
