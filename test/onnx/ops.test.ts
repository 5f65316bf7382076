/** Every op through ONNX Runtime against its own evaluation, for the oldest and the newest operator set. */
import { join } from 'node:path'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { lower } from '../../backends/onnx/lower.js'
import { supportedOpsets } from '../../backends/onnx/model.js'
import { encodeWithWeights, writeModel } from '../../backends/onnx/write.js'
import { onnx } from '../../backends/onnx/engine.js'
import { cases } from './cases.js'
import { drawsFor, seed, withGradientsOf, withoutGradients } from './gradients.js'
import { difference, evaluate, expectSound, noise, runOn, temporaryFolder } from './support.js'

const folder = temporaryFolder()
const all = Object.entries(cases).flatMap(([op, list]) =>
  list.map((entry, i) => ({ name: `${op} ${i}`, op, ...entry })),
)

describe('each op', () => {
  it.each(all)('$name computes what it means', async (entry) => {
    const [exact, result] = [await evaluate(entry, entry.inputs), await runOn(onnx, 'cpu', entry, entry.inputs)]
    expect(difference(exact.y, result.y)).toBeLessThan(2e-6)
  })
})

describe('the gradients of each op', () => {
  const chosen = all.filter(({ name, op }) => !withoutGradients.includes(op) && !withoutGradients.includes(name))
  it.each(chosen)('$name', async (entry) => {
    const network = withGradientsOf(entry)
    const { y } = await evaluate(entry, entry.inputs)
    const inputs = { ...entry.inputs, ...drawsFor(network.graph), [seed]: noise(y?.shape ?? [], 9) }
    const exact = await evaluate(network, inputs)
    const result = await runOn(onnx, 'cpu', network, inputs, true)
    for (const name of Object.keys(exact)) expect(difference(exact[name], result[name]), name).toBeLessThan(1e-5)
  })
})

describe.each([supportedOpsets.first, 18, supportedOpsets.last])('operator set %i', (opset) => {
  it.each(['float32', 'float16'] as const)('is written correctly in %s', async (precision) => {
    const paths = await Promise.all(
      all.map(async ({ name, graph, weights }) => {
        const path = join(folder, `${name} ${opset} ${precision}.onnx`)
        await writeModel(lower(graph, { opset, precision }), weights, path)
        return path
      }),
    )
    expectSound(paths)
  })

  it('computes the same in float16 but for rounding', async () => {
    for (const entry of all) {
      const bytes = await encodeWithWeights(lower(entry.graph, { opset, precision: 'float16' }), entry.weights)
      const session = await InferenceSession.create(bytes)
      const feeds = Object.entries(entry.inputs).map(([name, { shape, data }]) => {
        const values = data instanceof Float64Array ? BigInt64Array.from(data, BigInt) : data
        return [name, new OrtTensor(values, shape)] as const
      })
      const { y } = await session.run(Object.fromEntries(feeds))
      await session.release()
      const result = y && { shape: y.dims, data: Float32Array.from(y.data as Float32Array) }
      expect(difference((await evaluate(entry, entry.inputs)).y, result), entry.name).toBeLessThan(4e-3)
    }
  })
})
