import { readFile, readdir } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import type { Dtype } from '../../runtime/weights/dtype.js'
import { writeSafetensors } from '../../runtime/weights/write-safetensors.js'
import { opened, refused, safetensorsOf, temporaryFolder } from './support.js'

const folder = temporaryFolder()
const never = new DiagnosticList().report

describe('round trips', () => {
  const values = Float32Array.of(0, 1, -2, 100)
  const dtypes: Dtype[] = ['F64', 'F32', 'F16', 'BF16', 'I64', 'I32', 'I16', 'I8', 'U64', 'U32', 'U16', 'U8', 'BOOL']
  test.each(dtypes)('%s', async (dtype) => {
    const unsigned = dtype.startsWith('U') ? values.map(Math.abs) : values
    const expected = dtype === 'BOOL' ? values.map((value) => Number(value !== 0)) : unsigned
    const path = folder.path(`${dtype}.safetensors`)
    const entries = [{ name: 'a', dtype, shape: [2, 2] }]
    expect(await writeSafetensors(path, entries, () => unsigned, never)).toBe(true)
    const source = await opened(path)
    expect(source.entries).toEqual(entries)
    expect(await source.read('a')).toEqual(expected)
    await source.close()
  })

  test('order, metadata, scalars, empty tensors, names of any kind', async () => {
    const entries = [
      { name: 'narrow', dtype: 'F16', shape: [3] },
      { name: '__proto__', dtype: 'F32', shape: [] },
      { name: 'größe "x"', dtype: 'F32', shape: [0, 7] },
    ] as const
    const path = folder.path('all.safetensors')
    const made = new Map([
      ['narrow', Float32Array.of(1, 2, 3)],
      ['__proto__', Float32Array.of(7)],
    ])
    await writeSafetensors(path, entries, (it) => made.get(it.name) ?? new Float32Array(0), never, { format: 'pt' })
    const source = await opened(path)
    expect(source.metadata).toEqual(new Map([['format', 'pt']]))
    expect(source.entries.map((it) => it.name).sort()).toEqual(['__proto__', 'größe "x"', 'narrow'].sort())
    expect(await source.read('__proto__')).toEqual(Float32Array.of(7))
    expect(await source.read('größe "x"')).toEqual(new Float32Array(0))
    expect(await source.read('narrow')).toEqual(Float32Array.of(1, 2, 3))
    await expect(source.read('other')).rejects.toThrow('no tensor')
    await source.close()
    const bytes = await readFile(path)
    expect(Number(bytes.readBigUInt64LE(0)) % 8).toBe(0)
  })

  test('a tensor larger than a piece', async () => {
    const path = folder.path('large.safetensors')
    const values = Float32Array.from({ length: 3_000_001 }, (_, i) => (i % 2048) - 1024)
    await writeSafetensors(path, [{ name: 'a', dtype: 'F16', shape: [3_000_001] }], () => values, never)
    const source = await opened(path)
    expect(Buffer.from((await source.read('a')).buffer).equals(Buffer.from(values.buffer))).toBe(true)
    await source.close()
  })

  test('a failed write leaves nothing behind', async () => {
    const list = new DiagnosticList()
    const path = folder.path('nowhere/a.safetensors')
    expect(await writeSafetensors(path, [], () => new Uint8Array(0), list.report)).toBe(false)
    expect(list.all[0]?.code).toBe('MDM0517')
    const wrong = writeSafetensors(
      folder.path('short'),
      [{ name: 'a', dtype: 'F32', shape: [2] }],
      () => new Uint8Array(4),
      never,
    )
    await expect(wrong).rejects.toThrow('8 expected')
    expect((await readdir(folder.path('.'))).filter((name) => name.startsWith('short'))).toEqual([])
  })
})

describe('damage is told', () => {
  const a = { dtype: 'F32', shape: [1], data_offsets: [0, 4] }
  const four = new Uint8Array(4)
  const huge = Buffer.concat([Buffer.from([255, 255, 255, 255, 255, 255, 255, 255]), Buffer.from('{}')])
  const cases: [string, Uint8Array][] = [
    ['empty file', new Uint8Array(0)],
    ['length beyond the file', huge],
    ['no object', safetensorsOf('[1]')],
    ['no JSON', safetensorsOf('{"a":')],
    ['no UTF-8', Buffer.concat([Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]), Buffer.from([0x7b, 0xff, 0xff, 0x7d])])],
    ['unknown dtype', safetensorsOf({ a: { ...a, dtype: 'F8_E4M3' } }, four)],
    ['dtype of the prototype', safetensorsOf({ a: { ...a, dtype: 'toString' } }, four)],
    ['negative shape', safetensorsOf({ a: { ...a, shape: [-1] } }, four)],
    ['fractional shape', safetensorsOf({ a: { ...a, shape: [1.5] } }, four)],
    ['overflowing shape', safetensorsOf({ a: { ...a, shape: [2 ** 52, 2 ** 52] } }, four)],
    ['infinite shape', safetensorsOf({ a: { ...a, shape: [...Array<number>(30).fill(2 ** 52), 0] } }, four)],
    ['wrong size', safetensorsOf({ a: { ...a, shape: [2] } }, four)],
    ['offsets beyond the file', safetensorsOf({ a: { ...a, shape: [2], data_offsets: [0, 8] } }, four)],
    ['offsets backwards', safetensorsOf({ a: { ...a, data_offsets: [4, 0] } }, four)],
    ['overlap', safetensorsOf({ a, b: a }, four)],
    ['hole', safetensorsOf({ a, b: { ...a, data_offsets: [8, 12] } }, new Uint8Array(12))],
    ['surplus data', safetensorsOf({ a }, new Uint8Array(5))],
    ['name twice', safetensorsOf(`{"a":${JSON.stringify(a)},"\\u0061":${JSON.stringify(a)}}`, four)],
    ['field twice', safetensorsOf('{"a":{"dtype":"F64","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four)],
    ['unknown field', safetensorsOf({ a: { ...a, strides: [1] } }, four)],
    ['metadata of numbers', safetensorsOf({ __metadata__: { a: 1 } })],
    ['deep nesting', safetensorsOf(`{"a":${'['.repeat(100_000)}`)],
  ]
  test.each(cases)('%s', async (name, content) => {
    expect(await refused(await folder.write('damaged.safetensors', content))).toMatchSnapshot(name)
  })

  test('missing files and folders', async () => {
    expect(await refused(folder.path('missing.safetensors'))).toBe(
      'MDM0501 the weights cannot be read: there is no such file or folder',
    )
    expect(await refused(folder.path('.'))).toBe('MDM0501 the weights cannot be read: it is a folder')
    expect(await refused(folder.path('a\0b'))).toBe('MDM0501 the weights cannot be read: the path is not valid')
  })

  test('the format is told from the content', async () => {
    const path = await folder.write('really-safetensors.pth', safetensorsOf({ a }, four))
    const source = await opened(path)
    expect(source.entries).toHaveLength(1)
    await source.close()
    expect(await refused(await folder.write('notes.txt', Buffer.from('hello, these are no weights')))).toMatch(
      'MDM0502',
    )
  })
})
