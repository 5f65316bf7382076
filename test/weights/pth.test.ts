import { describe, expect, test } from 'vitest'
import { ruleValues } from '../../runtime/weights/rule.js'
import { checkpointOf, opened, refused, temporaryFolder, tensorPickle, text, zipOf } from './support.js'

const folder = temporaryFolder()
const fixture = (name: string) => new URL(`../fixtures/${name}`, import.meta.url).pathname
const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer)
const storage = (...values: number[]) => ({ name: 'archive/data/0', data: floats(...values) })
/** A state dict of one tensor `a`. */
const stateDict = (pickle: string) => `\x80\x02}${text('a')}${pickle}s.`
const whole = stateDict(tensorPickle({ shape: [2, 2], strides: [2, 1], length: 4 }))

describe("the reference trainer's checkpoint", () => {
  test('follows the rule, bit by bit', async () => {
    const source = await opened(fixture('vis_model.pth'))
    expect(source.entries).toHaveLength(173)
    for (const { name, dtype, shape } of source.entries) {
      expect(dtype).toBe('F32')
      const expected = ruleValues(name, shape)
      expect(Buffer.from((await source.read(name)).buffer).equals(Buffer.from(expected.buffer)), name).toBe(true)
    }
    await source.close()
  })

  test('counters and settings are plain values', async () => {
    const source = await opened(fixture('vis_model.pth'))
    expect(Object.fromEntries(source.metadata)).toMatchSnapshot()
    await source.close()
  })
})

test('views, shared storages, every element type, wrappers', async () => {
  const source = await opened(fixture('views.pth'))
  const values: Record<string, string> = {}
  for (const { name, dtype, shape } of source.entries) {
    const read = await source.read(name)
    values[name] = `${dtype} [${shape.join(', ')}] ${[...read].join(' ')}`
    const pieces: Buffer[] = []
    for await (const piece of source.bytes(name)) pieces.push(Buffer.from(piece))
    if (dtype === 'F32') expect(Buffer.concat(pieces).equals(Buffer.from(read.buffer)), name).toBe(true)
  }
  expect(values).toMatchSnapshot()
  expect(Object.fromEntries(source.metadata)).toEqual({ epoch: 3 })
  await source.close()
})

describe('archives', () => {
  test('big-endian, compressed, without a folder', async () => {
    const swapped = Buffer.from(floats(1, 2, 3, 4)).swap32()
    const order = { name: 'archive/byteorder', data: Buffer.from('big') }
    const big = await folder.write('big.pth', checkpointOf(whole, [{ ...storage(), data: swapped }, order]))
    const deflated = await folder.write(
      'deflated.pth',
      checkpointOf(whole, [{ ...storage(1, 2, 3, 4), deflate: true }]),
    )
    const pickle = { name: 'data.pkl', data: Buffer.from(whole, 'latin1') }
    const flat = await folder.write('flat.pth', zipOf([pickle, { name: 'data/0', data: floats(1, 2, 3, 4) }]))
    for (const path of [big, deflated, flat]) {
      const source = await opened(path)
      expect([...(await source.read('a'))]).toEqual([1, 2, 3, 4])
      await source.close()
    }
  })

  test('a compressed view of the middle', async () => {
    const pickle = stateDict(tensorPickle({ shape: [2, 2], strides: [1, 2], offset: 3, length: 8 }))
    const content = checkpointOf(pickle, [{ ...storage(0, 1, 2, 3, 4, 5, 6, 7), deflate: true }])
    const source = await opened(await folder.write('middle.pth', content))
    expect([...(await source.read('a'))]).toEqual([3, 5, 4, 6])
    await source.close()
  })

  const good = checkpointOf(whole, [storage(1, 2, 3, 4)])
  const zeros = new Uint8Array(2 ** 25)
  const zip64End = Buffer.alloc(76)
  zip64End.write('PK\x06\x07', 56, 'latin1')
  zip64End.writeBigUInt64LE(2n ** 64n - 1n, 64)
  const cases: [string, Uint8Array][] = [
    ['cut in the middle', good.subarray(0, good.length >> 1)],
    ['only its first bytes', good.subarray(0, 6)],
    ['zip64 directory out of reach', Buffer.concat([good.subarray(0, -22), zip64End, good.subarray(-22)])],
    ['no pickle', zipOf([storage(1)])],
    [
      'two pickles',
      zipOf(['a', 'b'].map((name) => ({ name: `${name}/data.pkl`, data: Buffer.from(whole, 'latin1') }))),
    ],
    ['a file twice', zipOf([storage(1), storage(1)])],
    ['no storage', checkpointOf(whole)],
    ['a short storage', checkpointOf(whole, [storage(1, 2)])],
    ['a storage that inflates to more', checkpointOf(whole, [{ ...storage(1, 2, 3, 4, 5), deflate: true, claim: 16 }])],
    ['a storage that inflates to less', checkpointOf(whole, [{ ...storage(1, 2, 3), deflate: true, claim: 16 }])],
    ['a bomb', checkpointOf(whole, [{ name: 'archive/data/0', data: zeros, deflate: true }])],
    ['a pickle that claims too much', zipOf([{ name: 'a/data.pkl', data: zeros, deflate: true, claim: 2 ** 27 }])],
    [
      'an unknown byte order',
      checkpointOf(whole, [storage(1), { name: 'archive/byteorder', data: Buffer.from('middle') }]),
    ],
    ['a bare pickle', Buffer.from('\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.', 'latin1')],
  ]
  test.each(cases)('%s', async (name, content) => {
    expect(await refused(await folder.write('damaged.pth', content))).toMatchSnapshot(name)
  })
})

describe('tensors that their storage contradicts', () => {
  const cases: [string, Parameters<typeof tensorPickle>[0]][] = [
    ['too long', { shape: [5], strides: [1], length: 4 }],
    ['offset too far', { shape: [1], strides: [1], offset: 4, length: 4 }],
    ['strides too far', { shape: [2, 2], strides: [3, 1], length: 4 }],
    ['other strides than dimensions', { shape: [2, 2], strides: [1], length: 4 }],
    ['expanded without end', { shape: [255, 255, 255, 255], strides: [0, 0, 0, 0], length: 4 }],
    ['a storage outside of the archive', { shape: [1], strides: [1], length: 4, key: '../../etc/passwd' }],
  ]
  test.each(cases)('%s', async (name, view) => {
    const content = checkpointOf(stateDict(tensorPickle(view)), [storage(1, 2, 3, 4)])
    expect(await refused(await folder.write('wrong.pth', content))).toMatchSnapshot(name)
  })

  test('an element type that is not read', async () => {
    const pickle = whole.replace('FloatStorage', 'ComplexFloatStorage')
    expect(await refused(await folder.write('complex.pth', checkpointOf(pickle, [storage(1, 2, 3, 4)])))).toBe(
      'MDM0504 tensor `a` has the element type `complex64`, which is not supported',
    )
  })
})

describe('where the tensors are', () => {
  const one = tensorPickle({ shape: [1], strides: [1], length: 1 })
  const group = (key: string, inside: string) => `${text(key)}${inside}s`
  const open = async (pickle: string) => opened(await folder.write('found.pth', checkpointOf(pickle, [storage(9)])))
  const names = async (pickle: string) => {
    const source = await open(pickle)
    await source.close()
    return source.entries.map((entry) => entry.name)
  }

  test('under nested wrappers, without the prefixes of training', async () => {
    const inner = `}${group('module._orig_mod.w', one)}`
    expect(await names(`\x80\x02}${group('outer', `}${group('state_dict', inner)}`)}.`)).toEqual(['w'])
  })

  test('a usual key wins over other groups, and over tensors beside it', async () => {
    const inner = `}${group('w', one)}`
    expect(
      await names(`\x80\x02}${group('ema', `}${group('x', one)}`)}${group('state_dict', inner)}${group('n', one)}.`),
    ).toEqual(['w'])
    expect(await names(`\x80\x02}${group('optimizer', `}${group('x', one)}`)}${group('net', inner)}.`)).toEqual(['w'])
  })

  test('several groups, or none, are told', async () => {
    const inner = `}${group('w', one)}`
    const both = checkpointOf(`\x80\x02}${group('net', inner)}${group('ema', inner)}.`, [storage(9)])
    expect(await refused(await folder.write('both.pth', both))).toMatch(
      'MDM0510 the PyTorch checkpoint holds several groups',
    )
    expect(await refused(await folder.write('none.pth', checkpointOf(`\x80\x02}${group('epoch', 'K\x01')}.`)))).toMatch(
      'MDM0509',
    )
  })

  test('keys of the prototype are names like any other', async () => {
    const settings = `}${group('__proto__', `}${group('polluted', '\x88')}`)}`
    const source = await open(
      `\x80\x02}${group('state_dict', `}${group('__proto__', one)}`)}${group('__proto__', settings)}${group('s', settings)}.`,
    )
    expect(source.entries.map((entry) => entry.name)).toEqual(['__proto__'])
    expect([...(await source.read('__proto__'))]).toEqual([9])
    expect(Object.keys(source.metadata.get('s') ?? {})).toEqual(['__proto__'])
    expect('polluted' in {}).toBe(false)
    await source.close()
  })
})
