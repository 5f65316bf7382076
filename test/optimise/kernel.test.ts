/** The kernel is up to date, and small; its arithmetic, where the optimiser's tests do not reach. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { kernelOf } from '../../runtime/optimise/kernel.js'
import { kernelWasm } from '../../runtime/optimise/kernel-wasm.js'
import { kernelModule, kernelPath } from '../../scripts/kernel-module.js'
import { unit } from './support.js'

it('is as `npm run kernel` writes it', async () => {
  expect(await kernelModule()).toBe(readFileSync(kernelPath, 'utf8'))
})

it('is small', () => {
  expect(Buffer.from(kernelWasm, 'base64').length).toBeLessThan(2048)
})

const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 })
const kernel = kernelOf(memory)
const x = new Float32Array(memory.buffer, 0, 160)
const y = new Float32Array(memory.buffer, 1024, 160)

it('sums squares in float64', () => {
  x.set(unit('x', x.length))
  const sum = x.reduce((all, value) => all + value * value, 0)
  expect(kernel.squares(0, x.byteLength)).toBeCloseTo(sum, 12)
  x.fill(3e38)
  expect(kernel.squares(0, x.byteLength)).toBeCloseTo(x.length * (x[0] ?? 0) ** 2, -65)
})

it.each([NaN, Infinity, -Infinity])('sees %d wherever it is', (value) => {
  for (let i = 0; i < x.length; i++) {
    x.set(unit('x', x.length))
    x[i] = value
    expect(kernel.squares(0, x.byteLength), `at ${i}`).not.toSatisfy(Number.isFinite)
  }
})

it('combines two arrays', () => {
  x.set(unit('x', x.length))
  y.set(unit('y', y.length))
  const expected = y.map((value, i) => Math.fround(2 * value) + Math.fround(0.5 * (x[i] ?? 0)))
  kernel.combine(y.byteOffset, 0, x.byteLength, 2, 0.5)
  expect(y).toEqual(expected)
})
