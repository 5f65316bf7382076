/** Statistics stay exact where the mean is far from zero. */
import { expect, it } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import type { Value } from '../../compiler/ir/graph.js'
import { difference, evaluate, noise, runOn, TestGraph } from './support.js'

async function error(shape: readonly number[], build: (g: TestGraph, x: Value) => Value): Promise<number> {
  const g = new TestGraph()
  const network = g.finish({ y: build(g, g.input('x', shape)) })
  const inputs = { x: noise(shape, 3, 1e4) }
  const [exact, result] = [await evaluate(network, inputs), await runOn(onnx, 'cpu', network, inputs)]
  return difference(exact.y, result.y)
}

const unit = (channels: number) => ({ shape: [channels], data: new Float32Array(channels).fill(1) })

// The input itself is known to 5e-4 there; E[x^2] - E[x]^2 gives errors above 1, one mean in float32 1e-2.
it('of groups, with mean 1e4 and deviation 1', async () => {
  const apart = await error([2, 64, 64, 64], (g, x) =>
    g.b.groupNorm(x, g.parameter('weight', unit(64)), g.parameter('bias', noise([64])), { groups: 32, epsilon: 1e-5 }),
  )
  expect(apart).toBeLessThan(2e-5)
})

it('of layers, with mean 1e4 and deviation 1', async () => {
  const apart = await error([2, 9, 2048], (g, x) =>
    g.b.layerNorm(x, g.parameter('weight', unit(2048)), g.parameter('bias', noise([2048])), { epsilon: 1e-5 }),
  )
  expect(apart).toBeLessThan(2e-5)
})
