import { expect, test } from 'vitest'
import { fitWeights } from '../../runtime/weights/fit.js'
import { writeSafetensors } from '../../runtime/weights/write-safetensors.js'
import { noReport } from '../shipped.js'
import { opened, temporaryFolder } from './support.js'

const folder = temporaryFolder()

test.each(['F32', 'BF16', 'F16', 'F64', 'I32'] as const)('%s in pieces is what is read as a whole', async (dtype) => {
  // More than one piece of 4 MiB, and not a whole number of pieces.
  const shape = [3, 700_001]
  const values = Float32Array.from({ length: 2_100_003 }, (_, i) => (i % 2001) - 1000)
  const path = folder.path(`${dtype}.safetensors`)
  await writeSafetensors(
    path,
    [
      { name: 'w', dtype, shape },
      { name: 'b', dtype, shape: [2] },
    ],
    ({ name }) => (name === 'w' ? values : new Float32Array([1, 2])),
    noReport,
  )
  const source = await opened(path)
  const fitted = fitWeights(
    source,
    [
      { name: 'b', shape: [2] },
      { name: 'w', shape },
    ],
    path,
    noReport,
  )
  for (const name of ['b', 'w']) {
    const whole = (await fitted?.read(name)) ?? new Float32Array()
    const joined = new Float32Array(whole.length)
    let at = 0
    for await (const piece of fitted?.pieces?.(name) ?? []) {
      joined.set(piece, at)
      at += piece.length
    }
    expect(at).toBe(whole.length)
    expect(Buffer.from(joined.buffer).equals(Buffer.from(whole.buffer))).toBe(true)
  }
  await source.close()
})

test('two readers at once do not share their buffers', async () => {
  const path = folder.path('two.safetensors')
  const values = (name: string) => new Float32Array(100).fill(name === 'a' ? 1 : 2)
  await writeSafetensors(
    path,
    ['a', 'b'].map((name) => ({ name, dtype: 'F32' as const, shape: [100] })),
    ({ name }) => values(name),
    noReport,
  )
  const source = await opened(path)
  const [a, b] = ['a', 'b'].map((name) => source.bytes(name)[Symbol.asyncIterator]())
  const [first, second] = [await a?.next(), await b?.next()]
  expect(Buffer.from(first?.value ?? [])).toEqual(Buffer.from(values('a').buffer))
  expect(Buffer.from(second?.value ?? [])).toEqual(Buffer.from(values('b').buffer))
  await source.close()
})
