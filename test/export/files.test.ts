/** The files of an export: arrays of NumPy, and tars. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { listTar } from '../../runtime/data/tar.js'
import { npy } from '../../runtime/export/npy.js'
import { writeTar, type TarFile } from '../../runtime/export/tar.js'
import { realTokens } from '../../runtime/export/text.js'
import { freshFolder } from '../data/support.js'

it('an array is written as NumPy does', () => {
  const header = `\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3,), }`
  const bytes = Buffer.from(npy('fp32', [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)))
  expect(bytes.subarray(0, 128).toString('latin1')).toBe(`${header.padEnd(127)}\n`)
  expect([0, 1, 2, 3, 4, 5].map((i) => bytes.readFloatLE(128 + 4 * i))).toEqual([1, 2, 3, 4, 5, 6])
  expect(bytes).toHaveLength(128 + 24)
})

it('the values of an array begin at a multiple of 64 bytes, whatever its shape', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 5 }), (shape) => {
      const count = shape.reduce((product, side) => product * side, 1)
      const bytes = npy('fp16', shape, new Float32Array(count))
      const start = bytes.length - 2 * count
      expect(start % 64).toBe(0)
      expect(new DataView(bytes.buffer, bytes.byteOffset).getUint16(8, true)).toBe(start - 10)
      expect(bytes[start - 1]).toBe(10)
    }),
  )
})

it('an array of another size is a bug', () => {
  expect(() => npy('fp32', [2, 2], new Float32Array(3))).toThrow('3 values of an array [2, 2]')
})

async function* given(...files: readonly TarFile[]): AsyncGenerator<TarFile> {
  yield* files
}

it('a tar holds its files in their order, and is the same every time', async () => {
  const folder = freshFolder()
  const files = [0, 1, 511, 512, 100_000].map((length, i) => ({
    name: `${i}.bin`,
    bytes: new Uint8Array(length).fill(i),
  }))
  const size = await writeTar(join(folder, 'a.tar'), given(...files))
  await writeTar(join(folder, 'b.tar'), given(...files))
  const bytes = readFileSync(join(folder, 'a.tar'))
  expect(bytes).toHaveLength(size)
  expect(bytes.equals(readFileSync(join(folder, 'b.tar')))).toBe(true)
  const { members, problem } = listTar(join(folder, 'a.tar'), () => false)
  expect(problem).toBeUndefined()
  expect(
    members.map(({ name, position, length }) => ({
      name,
      bytes: Uint8Array.from(bytes.subarray(position, position + length)),
    })),
  ).toEqual(files)
})

it('a tar whose files fail leaves nothing behind', async () => {
  const folder = freshFolder()
  const failing = async function* (): AsyncGenerator<TarFile> {
    yield { name: 'a', bytes: new Uint8Array(100_000) }
    throw new Error('no more of them')
  }
  await expect(writeTar(join(folder, 'a.tar'), failing())).rejects.toThrow('no more of them')
  expect(readdirSync(folder)).toEqual([])
  await expect(writeTar(join(folder, 'not', 'a.tar'), given())).rejects.toMatchObject({ code: 'ENOENT' })
})

it('text is cut to the tokens that the mask names', () => {
  const text = { shape: [2, 3, 2], data: Float32Array.from({ length: 12 }, (_, i) => i) }
  const mask = { shape: [2, 3], data: Float32Array.of(1, 1, 0, 1, 0, 1) }
  expect(realTokens(text, mask, 0)).toEqual({ tokens: 2, features: Float32Array.of(0, 1, 2, 3) })
  expect(realTokens(text, mask, 1)).toEqual({ tokens: 2, features: Float32Array.of(6, 7, 10, 11) })
})
