/** What lies where in a tar file (POSIX.1-2001, with the older GNU long names). Only headers and small texts are read. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { quoted } from '../../compiler/diagnostics/weights.js'

/** A file in a tar. */
export interface Member {
  readonly name: string
  /** Of its first byte, in the tar. */
  readonly position: number
  readonly length: number
  /** Its content, where that was asked for. */
  readonly text: string | undefined
}

/** The files of a tar up to its end, or to where it is damaged. */
export interface TarContents {
  readonly members: readonly Member[]
  readonly problem: string | undefined
}

const block = 512
/** Nobody writes more about an image. */
const longestText = 2 ** 20

/** Lists a tar, with the content of each file whose name `isText`. Throws the system's error where it cannot be read. */
export function listTar(path: string, isText: (name: string) => boolean): TarContents {
  const descriptor = openSync(path, 'r')
  try {
    return list(new Window(descriptor), isText)
  } finally {
    closeSync(descriptor)
  }
}

/** Whether the file begins as a tar does. */
export function isTar(path: string): boolean {
  const descriptor = openSync(path, 'r')
  try {
    const window = new Window(descriptor)
    return window.size >= block && isHeader(window.bytes(0, block))
  } finally {
    closeSync(descriptor)
  }
}

function list(window: Window, isText: (name: string) => boolean): TarContents {
  const members: Member[] = []
  let named: { path?: string | undefined; size?: number | undefined } = {}
  for (let at = 0; at + block <= window.size;) {
    const header = window.bytes(at, block)
    if (header.every((byte) => byte === 0)) break
    if (!isHeader(header)) return { members, problem: `there is no header at byte ${at}` }
    const type = String.fromCharCode(header[156] ?? 0)
    const own = { name: nameIn(header), length: numberIn(header.subarray(124, 136)) }
    const extension = 'gxLK'.includes(type)
    const name = (extension ? undefined : named.path) ?? own.name
    const length = (extension ? undefined : named.size) ?? own.length
    const position = at + block
    if (position + length > window.size)
      return { members, problem: `it ends in the middle of ${extension ? 'a header' : quoted(name)}` }
    const content = () => new TextDecoder().decode(window.bytes(position, Math.min(length, longestText)))
    if (type === 'x') named = { ...named, ...paxRecords(content()) }
    else if (type === 'L') named = { ...named, path: content().replace(/\0[^]*$/, '') }
    else if (!extension) {
      named = {}
      if ((type === '0' || type === '\0' || type === '7') && !name.endsWith('/'))
        members.push({
          name: name.replace(/^(\.\/)+/, ''),
          position,
          length,
          text: isText(name) ? content() : undefined,
        })
    }
    at = position + Math.ceil(length / block) * block
  }
  return { members, problem: undefined }
}

/** The sum of a header's bytes, those of the sum itself taken as spaces. */
function isHeader(header: Uint8Array): boolean {
  let sum = 0
  for (const [i, byte] of header.entries()) sum += i >= 148 && i < 156 ? 32 : byte
  return sum === numberIn(header.subarray(148, 156))
}

function nameIn(header: Uint8Array): string {
  const name = textIn(header.subarray(0, 100))
  // Only POSIX headers have a prefix; the older GNU ones keep times there.
  const posix = textIn(header.subarray(257, 263)) === 'ustar'
  const prefix = posix ? textIn(header.subarray(345, 500)) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

function textIn(field: Uint8Array): string {
  const end = field.indexOf(0)
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end))
}

/** Octal digits; or, beyond 8 GiB, a binary number with its highest bit set. */
function numberIn(field: Uint8Array): number {
  if (((field[0] ?? 0) & 0x80) === 0) return Number.parseInt(textIn(field).trim() || '0', 8)
  return field.subarray(1).reduce((number, byte) => number * 256 + byte, (field[0] ?? 0) & 0x7f)
}

/** Records of `LENGTH KEY=VALUE`, the length in bytes; names with line breaks are cut there. */
function paxRecords(text: string): { path?: string; size?: number } {
  const value = (key: string) => new RegExp(`^\\d+ ${key}=(.*)$`, 'm').exec(text)?.[1]
  const [path, size] = [value('path'), Number(value('size'))]
  return { ...(path === undefined ? {} : { path }), ...(Number.isSafeInteger(size) ? { size } : {}) }
}

/** A file through a small window, which holds a header with the small files after it. */
class Window {
  readonly size: number
  readonly #buffer = new Uint8Array(2 ** 14)
  #start = 0
  #end = 0

  constructor(private readonly descriptor: number) {
    this.size = fstatSync(descriptor).size
  }

  /** Bytes that must lie in the file. They are valid until the next are asked for. */
  bytes(position: number, length: number): Uint8Array {
    if (length > this.#buffer.length) return this.#read(new Uint8Array(length), position)
    if (position < this.#start || position + length > this.#end) {
      const { length: filled } = this.#read(this.#buffer, position)
      this.#start = position
      this.#end = position + filled
    }
    return this.#buffer.subarray(position - this.#start, position - this.#start + length)
  }

  #read(target: Uint8Array, position: number): Uint8Array {
    let done = 0
    while (done < target.length) {
      const count = readSync(this.descriptor, target, done, target.length - done, position + done)
      if (count === 0) break
      done += count
    }
    return target.subarray(0, done)
  }
}
