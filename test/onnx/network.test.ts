/** A whole small network: results, float16, what ONNX Runtime makes of it, and how the file reads. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import protocol from 'onnx-proto'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { beforeAll, describe, expect, it } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import { lower } from '../../backends/onnx/lower.js'
import type { OnnxModel } from '../../backends/onnx/model.js'
import { writeModel } from '../../backends/onnx/write.js'
import { network, networkInputs } from './network.js'
import { difference, evaluate, expectSound, runOn, temporaryFolder } from './support.js'

const folder = temporaryFolder()
const net = network()

function counts(opTypes: readonly string[]): Record<string, number> {
  const result: Record<string, number> = {}
  for (const opType of opTypes) result[opType] = (result[opType] ?? 0) + 1
  return result
}

async function runFile(path: string, size: number, words: number) {
  const session = await InferenceSession.create(path)
  const feeds = Object.entries(networkInputs(size, words)).map(
    ([name, { data, shape }]) => [name, new OrtTensor('float32', Float32Array.from(data), shape)] as const,
  )
  const { pred_16: result } = await session.run(Object.fromEntries(feeds))
  await session.release()
  return result && { shape: result.dims, data: result.data as Float32Array }
}

describe('a small network', () => {
  it.each([
    [1, 1],
    [2, 5],
    [3, 2],
  ])('with a batch of %i and %i tokens', async (size, words) => {
    const inputs = networkInputs(size, words)
    const result = await runOn(onnx, 'cpu', net, inputs)
    expect(difference((await evaluate(net, inputs)).pred_16, result.pred_16)).toBeLessThan(1e-5)
  })

  it('has the nodes that its layers need', () => {
    const found = counts(lower(net.graph).nodes.map(({ opType }) => opType))
    expect(found).toMatchObject({ Conv: 10, InstanceNormalization: 8, Sigmoid: 8, Gemm: 4, Resize: 1, Softmax: 1 })
    expect(found).not.toHaveProperty('Shape')
    expect(found).not.toHaveProperty('Expand')
    expect(lower(net.graph).nodes.length).toBeLessThanOrEqual(181)
  })

  it('names nodes by module and parameters as published', () => {
    const { nodes, parameters } = lower(net.graph)
    expect(new Set(nodes.map(({ name }) => name)).size).toBe(nodes.length)
    expect(nodes.filter(({ opType }) => opType === 'Conv').map(({ name }) => name)).toContain('down.0.conv1/Conv')
    expect(parameters.map(({ parameter }) => parameter.name)).toContain('middle.attention.q.weight')
  })
})

describe('what ONNX Runtime makes of it', () => {
  let optimised: Record<string, number>
  beforeAll(async () => {
    const [path, result] = [join(folder, 'plain.onnx'), join(folder, 'optimised.onnx')]
    await writeModel(lower(net.graph), net.weights, path)
    const options = { optimizedModelFilePath: result, graphOptimizationLevel: 'extended' } as const
    await (await InferenceSession.create(path, options)).release()
    const { graph } = protocol.onnx.ModelProto.decode(readFileSync(result))
    optimised = counts((graph?.node ?? []).map(({ opType }) => opType ?? ''))
  })

  it('fuses SiLU', () => {
    expect(optimised).toMatchObject({ QuickGelu: 8 })
    expect(optimised).not.toHaveProperty('Sigmoid')
  })

  it('keeps the exact normalisations', () => {
    expect(optimised).not.toHaveProperty('LayerNormalization')
    expect(optimised).not.toHaveProperty('GroupNorm')
    expect(optimised.InstanceNormalization).toBe(8)
  })
})

describe('float16', () => {
  const model: OnnxModel = lower(net.graph, { opset: 17, precision: 'float16' })
  const path = join(folder, 'half.onnx')

  it('loads without a warning and passes the checker', async () => {
    await writeModel(model, net.weights, path)
    expectSound([path])
  })

  it('is off by its rounding only', async () => {
    const { pred_16: exact } = await evaluate(net, networkInputs(2, 5))
    const apart = difference(exact, await runFile(path, 2, 5))
    expect(apart).toBeLessThan(4e-3)
    expect(apart).toBeGreaterThan(1e-5)
  })

  it('stores weights in two bytes and keeps inputs and outputs in float32', () => {
    expect(new Set(model.parameters.map(({ elementType }) => elementType))).toEqual(new Set(['float16']))
    const outside = [...model.inputs, ...model.outputs].map(({ elementType }) => elementType)
    expect(new Set(outside)).toEqual(new Set(['float32']))
  })
})
