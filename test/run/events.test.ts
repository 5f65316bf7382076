/** Event files: the bytes that the formats ask for, and what TensorBoard makes of them where it is installed. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { bytesField, doubleField, floatField, integerField, message } from '../../runtime/run/protobuf.js'
import { crc32c, tfRecord } from '../../runtime/run/tfrecord.js'
import { noReport } from '../shipped.js'
import { newRun, openRun, pngOf, temporaryFolder } from './support.js'
import { checkpointOf } from './training.js'

const folder = temporaryFolder()
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const eventFiles = (path: string) => readdirSync(path).filter((name) => name.startsWith('events.out.tfevents.'))

test('CRC-32C has the values of RFC 3720, appendix B.4', () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, i) => i)
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
  expect(crc32c(ascending)).toBe(0x46dd794e)
  expect(crc32c(ascending.toReversed())).toBe(0x113fdb5c)
  expect(crc32c(new Uint8Array())).toBe(0)
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
})

test('fields have the bytes of the guide to the encoding', () => {
  expect(hex(integerField(1, 150))).toBe('089601')
  expect(hex(integerField(2, 0))).toBe('1000')
  expect(hex(integerField(2, 2 ** 53 - 1))).toBe('10ffffffffffffff0f')
  expect(hex(bytesField(2, 'testing'))).toBe('120774657374696e67')
  expect(hex(bytesField(3, integerField(1, 150)))).toBe('1a03089601')
  expect(hex(doubleField(1, 1))).toBe('09000000000000f03f')
  expect(hex(floatField(2, -0.5))).toBe('15000000bf')
  expect(hex(bytesField(20, new Uint8Array(200))).slice(0, 8)).toBe('a201c801')
})

test('the first record is the one that TensorFlow writes', () => {
  // events.out.tfevents files of TensorFlow begin with these bytes, but for the time.
  const record = tfRecord(message(doubleField(1, 0), bytesField(3, 'brain.Event:2')))
  expect(hex(record)).toBe(
    '1800000000000000' +
      'a37f4b22' +
      '090000000000000000' +
      '1a0d627261696e2e4576656e743a32' +
      hex(record.subarray(-4)),
  )
})

describe('a run', () => {
  test('writes each number, and begins a new file when it goes on', async () => {
    const path = folder.at('run')
    const run = await newRun(path)
    for (let step = 1; step <= 4; step++) {
      run.append({ step, loss: 1 / step, 'loss/64': step === 2 ? NaN : step })
      if (step === 2) await run.checkpoint(checkpointOf(step), 1)
    }
    await run.samples({ step: 4, png: await pngOf(4, 30, 20), captions: ['a'] })
    await run.close()
    expect(eventFiles(path)).toHaveLength(1)

    const again = await openRun(path)
    await (await again.resume(noReport))?.close()
    for (let step = 3; step <= 5; step++) again.append({ step, loss: 10 + step })
    await again.close()
    expect(eventFiles(path)).toHaveLength(2)

    const [first = [], second = []] = eventFiles(path).map((name) => records(readFileSync(join(path, name))))
    expect(first).toHaveLength(1 + 4 + 1)
    expect(second).toHaveLength(2 + 3)
    // The step, and the start of a session.
    expect(hex(second[1]?.subarray(9) ?? new Uint8Array())).toBe('10033a020801')
    expect(hex(second[2]?.subarray(9) ?? new Uint8Array())).toBe(
      `10032a0d` + `0a0b` + `0a04${hex(Buffer.from('loss'))}` + `1500005041`,
    )
  })

  const python = hasTensorBoard()
  if (!python) console.warn('no test against TensorBoard: python3 cannot import it')
  test.runIf(python)('is read by TensorBoard, without what came after the checkpoint', () => {
    const program = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
found = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'images': 0})
found.Reload()
image = found.Images('samples') if 'samples' in found.Tags()['images'] else []
print(json.dumps({
  'scalars': {tag: [[e.step, e.value] for e in found.Scalars(tag)] for tag in found.Tags()['scalars']},
  'images': [[e.step, e.width, e.height, e.encoded_image_string[1:4].decode()] for e in image],
}))`
    const read = (path: string) => {
      const text = execFileSync('python3', ['-c', program, path], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      return JSON.parse(text.replaceAll('NaN', '"NaN"')) as unknown
    }
    const [first = ''] = eventFiles(folder.at('run'))
    expect(read(folder.at(join('run', first)))).toEqual({
      scalars: {
        loss: [1, 1 / 2, Math.fround(1 / 3), 1 / 4].map((value, i) => [i + 1, value]),
        'loss/64': [1, 'NaN', 3, 4].map((value, i) => [i + 1, value]),
      },
      images: [[4, 30, 20, 'PNG']],
    })
    expect(read(folder.at('run'))).toEqual({
      scalars: {
        loss: [1, 1 / 2, 13, 14, 15].map((value, i) => [i + 1, value]),
        'loss/64': [1, 'NaN'].map((value, i) => [i + 1, value]),
      },
      images: [],
    })
  })
})

/** The data of each record of a file, with its length and checksums looked at. */
function records(file: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < file.length;) {
    const length = Number(file.readBigUInt64LE(at))
    const data = file.subarray(at + 12, at + 12 + length)
    expect(hex(file.subarray(at, at + 16 + length))).toBe(hex(tfRecord(data)))
    found.push(data)
    at += 16 + length
  }
  return found
}

function hasTensorBoard(): boolean {
  try {
    execFileSync('python3', ['-c', 'import tensorboard.backend.event_processing.event_accumulator'], {
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}
