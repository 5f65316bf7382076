/** Memory: what a run makes it disposes, as the plan says. */
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { tfjs } from '../../backends/tfjs/engine.js'
import { lower } from '../../backends/tfjs/lower.js'
import { expectRoom, peakBytes, peaksOf } from '../../backends/tfjs/peak.js'
import { buildTraining } from '../../compiler/training.js'
import { inputsFor, StoredWeights } from '../gradients/support.js'
import { modelOf, noReport } from '../shipped.js'

const graph = buildTraining(modelOf('examples/tiny.mdm'), noReport)
const sizes = { batch: 1, tokens: 2 }

describe('training', () => {
  it('leaves no tensor behind, and changes with the weights', async () => {
    const weights = new StoredWeights(graph.parameters)
    const session = await tfjs.prepare(graph, weights, { device: 'wasm', trains: true })
    const inputs = inputsFor(graph, sizes)
    const losses: number[] = []
    const counts = new Set<string>()
    for (let step = 0; step < 100; step++) {
      const { loss } = await session.run(inputs)
      losses.push(loss?.data[0] ?? NaN)
      const { numTensors, numDataBuffers, numBytes } = tf.memory()
      counts.add([numTensors, numDataBuffers, numBytes].join())
      if (step === 50)
        for (const array of weights.arrays.values()) array.forEach((value, i) => (array[i] = value * 1.01))
    }
    await session.dispose()
    expect(counts.size).toBe(1)
    expect(tf.memory().numTensors).toBe(0)
    expect(new Set(losses).size).toBe(2)
  }, 300_000)

  it.each(['wasm', 'cpu'])('takes no more than the plan says on %s', async (device) => {
    const session = await tfjs.prepare(graph, new StoredWeights(graph.parameters), { device, trains: true })
    const inputs = inputsFor(graph, sizes)
    await session.run(inputs)
    const before = tf.memory().numBytes
    const { peakBytes: measured } = await tf.profile(() => session.run(inputs) as unknown as tf.Tensor[])
    await session.dispose()
    const planned = peakBytes(peaksOf(lower(graph, { trains: true })), sizes)
    expect((measured - before) / planned).toBeLessThan(1.2)
    expect((measured - before) / planned).toBeGreaterThan(0.8)
  })
})

it('is refused where the wasm backend has not enough, whatever runs', () => {
  const peaks = peaksOf(lower(graph, { trains: true }))
  const bytes = peakBytes(peaks, { ...sizes, batch: 10_000 })
  expect(bytes).toBeGreaterThan(2 ** 32)
  const backend = (name: string) => ({ getBackend: () => name, memory: () => ({ numBytes: 2 ** 30 }) })
  expect(() => expectRoom(backend('wasm'), bytes)).toThrow(/this takes \d+\.\d GiB, and the backend `wasm` has 4/)
  expect(() => expectRoom(backend('webgpu'), bytes)).not.toThrow()
  expect(() => expectRoom(backend('wasm'), peakBytes(peaks, sizes))).not.toThrow()
})
