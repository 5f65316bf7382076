/** Texts in PNG files (Portable Network Graphics, third edition, 11.3.3): how a picture came about goes along with it. */
import { crc32 } from 'node:zlib'

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

interface Chunk {
  readonly type: string
  readonly data: Buffer
  /** Where the chunk ends in the file. */
  readonly end: number
}

/**
 * The file with each text under its keyword, before the pixels. Keywords that PNG does not allow are the caller's bug;
 * zero characters, which no text of a PNG may have, become replacement characters.
 */
export function withTexts(png: Buffer, texts: Readonly<Record<string, string>>): Buffer {
  const [header] = chunksOf(png)
  if (header?.type !== 'IHDR') throw new Error('a PNG without a header')
  const added = Object.entries(texts).map(([keyword, text]) => textChunk(keyword, text.replaceAll('\0', '\ufffd')))
  return Buffer.concat([png.subarray(0, header.end), ...added, png.subarray(header.end)])
}

/** The uncompressed texts of a PNG file by their keywords; undefined if it is none, or damaged. */
export function textsOf(png: Uint8Array): Record<string, string> | undefined {
  const texts: [string, string][] = []
  let ended = false
  try {
    for (const { type, data } of chunksOf(Buffer.from(png.buffer, png.byteOffset, png.byteLength))) {
      if (type === 'tEXt') texts.push(...plainText(data))
      if (type === 'iTXt') texts.push(...internationalText(data))
      ended = type === 'IEND'
    }
  } catch (error) {
    if (error instanceof DamagedPng) return undefined
    throw error
  }
  return ended ? Object.fromEntries(texts) : undefined
}

class DamagedPng extends Error {}

function* chunksOf(png: Buffer): Generator<Chunk> {
  if (!png.subarray(0, signature.length).equals(signature)) throw new DamagedPng('no PNG')
  let at = signature.length
  while (at < png.length) {
    if (at + 12 > png.length) throw new DamagedPng('a chunk is cut short')
    const end = at + 12 + png.readUInt32BE(at)
    if (end > png.length) throw new DamagedPng('a chunk is cut short')
    const content = png.subarray(at + 4, end - 4)
    if (crc32(content) !== png.readUInt32BE(end - 4)) throw new DamagedPng('a chunk has another checksum')
    yield { type: content.toString('latin1', 0, 4), data: content.subarray(4), end }
    at = end
  }
}

/** tEXt for plain English, which every program reads; iTXt, which is UTF-8, for all else. */
function textChunk(keyword: string, text: string): Buffer {
  if (!/^[!-~](?:[ -~]{0,77}[!-~])?$/.test(keyword) || keyword.includes('  '))
    throw new Error(`PNG does not allow the keyword ${JSON.stringify(keyword)}`)
  return /^[\n -~]*$/.test(text)
    ? chunk('tEXt', `${keyword}\0${text}`)
    : chunk('iTXt', `${keyword}\0${uncompressed}${noLanguage}${noTranslation}${text}`)
}

const uncompressed = '\0\0'
const noLanguage = '\0'
const noTranslation = '\0'

function chunk(type: string, text: string): Buffer {
  const content = Buffer.from(type + text)
  const result = Buffer.alloc(content.length + 8)
  result.writeUInt32BE(content.length - 4)
  content.copy(result, 4)
  result.writeUInt32BE(crc32(content), result.length - 4)
  return result
}

function* plainText(data: Buffer): Generator<[string, string]> {
  const end = data.indexOf(0)
  if (end > 0) yield [data.toString('latin1', 0, end), data.toString('latin1', end + 1)]
}

function* internationalText(data: Buffer): Generator<[string, string]> {
  const keyword = data.indexOf(0)
  const language = data.indexOf(0, keyword + 3)
  const translation = data.indexOf(0, language + 1)
  if (keyword > 0 && language > 0 && translation > 0 && data[keyword + 1] === 0)
    yield [data.toString('latin1', 0, keyword), data.toString('utf8', translation + 1)]
}
