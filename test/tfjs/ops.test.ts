/** Every op, and its gradients, on the devices of tfjs that are always there. */
import { describe, expect, it } from 'vitest'
import { tfjs } from '../../backends/tfjs/engine.js'
import { cases } from '../onnx/cases.js'
import { withGradientsOf, withoutGradients, drawsFor, seed } from '../onnx/gradients.js'
import { difference, evaluate, noise, runOn } from '../onnx/support.js'

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
