/** Every op, and its gradients, on the devices of tfjs that are always there. */
import { describe, expect, it } from 'vitest'
import { tfjs } from '../../backends/tfjs/engine.js'
import { cases } from '../onnx/cases.js'
import { withGradientsOf, withoutGradients, drawsFor, seed } from '../onnx/gradients.js'
import { difference, evaluate, noise, runOn, TestGraph } from '../onnx/support.js'

const all = Object.entries(cases).flatMap(([op, list]) =>
  list.map((entry, i) => ({ name: `${op} ${i}`, op, ...entry })),
)
const differentiable = all.filter(({ name, op }) => !withoutGradients.includes(op) && !withoutGradients.includes(name))

describe.each(['wasm', 'cpu'])('%s', (device) => {
  it.each(all)('$name computes what it means', async (entry) => {
    const [exact, result] = [await evaluate(entry, entry.inputs), await runOn(tfjs, device, entry, entry.inputs)]
    expect(difference(exact.y, result.y)).toBeLessThan(2e-6)
  })

  it.each(differentiable)('$name has its gradients', async (entry) => {
    const network = withGradientsOf(entry)
    const { y } = await evaluate(entry, entry.inputs)
    const inputs = { ...entry.inputs, ...drawsFor(network.graph), [seed]: noise(y?.shape ?? [], 9) }
    const [exact, result] = [await evaluate(network, inputs), await runOn(tfjs, device, network, inputs, true)]
    for (const name of Object.keys(exact)) expect(difference(exact[name], result[name]), name).toBeLessThan(1e-5)
  })
})

describe('wasm', () => {
  // Poolings of more channels write past the stack, over the memory of others: what comes after shows it.
  it.each([
    [192, 96],
    [9, 18_432],
  ])('sums rows of %i times %i', async (columns, width) => {
    const g = new TestGraph()
    const sum = g.b.sum(g.input('x', [16, columns, width]), { axes: [0], keep: false })
    const network = g.finish({ y: sum })
    const inputs = { x: noise([16, columns, width]) }
    const exact = await evaluate(network, inputs)
    for (let i = 0; i < 3; i++)
      expect(difference(exact.y, (await runOn(tfjs, 'wasm', network, inputs)).y)).toBeLessThan(2e-6)
  })
})
