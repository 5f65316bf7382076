/** The engine on weights too large for one message. */
import { readdirSync } from 'node:fs'
import { expect, it, vi } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import { difference, evaluate, noise, runOn, temporaryFolder, TestGraph } from './support.js'

const folder = temporaryFolder()

it('runs models with large weights and leaves no files', async () => {
  const g = new TestGraph()
  const size = 4200
  const rows = noise([size, 1])
  const data = Float32Array.from({ length: size * size }, (_, i) => (rows.data[i % size] ?? 0) / size)
  const net = g.finish({
    y: g.b.linear(
      g.input('x', [1, size]),
      g.parameter('weight', { shape: [size, size], data }),
      g.parameter('bias', noise([size], 3)),
    ),
  })
  vi.stubEnv('TMPDIR', folder)
  const inputs = { x: noise([1, size], 2) }
  const [exact, result] = [await evaluate(net, inputs), await runOn(onnx, 'cpu', net, inputs)]
  expect(difference(exact.y, result.y)).toBeLessThan(1e-5)
  vi.unstubAllEnvs()
  expect(readdirSync(folder)).toEqual([])
})

it('refuses inputs that do not fit', async () => {
  const g = new TestGraph()
  const net = g.finish({ y: g.b.mul(g.input('x', [2]), 2) })
  await expect(runOn(onnx, 'cpu', net, { x: noise([3]) })).rejects.toThrow('the input x must be float32[2]')
  await expect(runOn(onnx, 'cpu', net, {})).rejects.toThrow('missing')
})
