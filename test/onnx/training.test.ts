/** Training as ONNX: the nodes of a whole step, so that no optimisation rots, and results in the session's own arrays. */
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import { defaultLowering, lower } from '../../backends/onnx/lower.js'
import type { OnnxModel } from '../../backends/onnx/model.js'
import { writeModel } from '../../backends/onnx/write.js'
import { buildTraining, gradientName } from '../../compiler/training.js'
import { inputsFor, StoredWeights } from '../gradients/support.js'
import { modelOf, noReport } from '../shipped.js'
import { checkerComplaints, difference, hasChecker, noise, runOn, temporaryFolder, TestGraph } from './support.js'

const folder = temporaryFolder()

function counts({ nodes }: OnnxModel): Record<string, number> {
  const result: Record<string, number> = {}
  for (const { opType } of nodes) result[opType] = (result[opType] ?? 0) + 1
  return result
}

describe('a step of S64', () => {
  const trained = { ...defaultLowering, trains: true }
  let model: OnnxModel
  beforeAll(() => {
    model = lower(buildTraining(modelOf('models/S64.mdm'), noReport), trained)
  })

  it('has few enough nodes to be made ready in seconds', () => {
    expect(model.nodes.length).toBeLessThan(13_000)
  })

  it('has the convolutions, products and copies that its layers need, and no doubled map', () => {
    const found = counts(model)
    expect(found.Conv).toBe(206)
    // Strides of 2, and 3 x 3 at 16 x 16, where turning the kernel would cost more.
    expect(found.ConvTranspose).toBe(20)
    expect(found.MatMul).toBeLessThanOrEqual(1227)
    expect(found.Pad).toBeLessThanOrEqual(170)
    expect(found.Slice).toBeLessThanOrEqual(367)
    expect(found).not.toHaveProperty('AveragePool')
    expect(found).not.toHaveProperty('Resize')
  })

  it('tells each size that a reader cannot infer', () => {
    const lists = new Map(model.constants.map(({ name, bytes }) => [name, bytes]))
    const leavesOpen = (bytes: Uint8Array = new Uint8Array()) =>
      new BigInt64Array(Uint8Array.from(bytes).buffer).includes(-1n)
    const open = model.nodes.filter(
      ({ opType, inputs }) => opType === 'Reshape' && leavesOpen(lists.get(inputs[1] ?? '')),
    )
    const told = new Set([...model.values, ...model.outputs].map(({ name }) => name))
    expect(open.length).toBeGreaterThan(0)
    expect(open.filter(({ outputs }) => !outputs.every((name) => told.has(name)))).toEqual([])
  })

  it('is standard ONNX unless the engine says what its processor has', () => {
    expect(model.nodes.filter(({ domain }) => domain !== undefined)).toEqual([])
  })
})

describe('a small nested model', () => {
  const graph = buildTraining(modelOf('examples/nested.mdm'), noReport)
  const trained = { ...defaultLowering, trains: true }

  it('passes the checker', async () => {
    const path = join(folder, 'training.onnx')
    await writeModel(lower(graph, trained), new StoredWeights(graph.parameters), path)
    if (hasChecker) expect(checkerComplaints([path])).toBe('')
  })

  it('has blocked convolutions where channels and positions let them pay', () => {
    const found = lower(graph, { ...trained, channelBlock: 16 }).nodes
    const own = found.filter(({ domain }) => domain !== undefined)
    expect(new Set(own.map(({ opType }) => opType))).toEqual(new Set(['ReorderInput', 'Conv', 'ReorderOutput']))
    expect(own.length).toBeGreaterThan(30)
  })

  it('gives gradients in the same arrays in each run, and losses in new ones', async () => {
    const session = await onnx.prepare(graph, new StoredWeights(graph.parameters), { device: 'cpu', trains: true })
    const inputs = inputsFor(graph, { batch: 3, tokens: 2, batch_32: 2 })
    const [first, second] = [await session.run(inputs), await session.run(inputs)]
    const other = await session.run(inputsFor(graph, { batch: 6, tokens: 2, batch_32: 4 }))
    await session.dispose()
    const name = gradientName('conv_in.weight')
    expect(second[name]?.data).toBe(first[name]?.data)
    expect(second.loss?.data).not.toBe(first.loss?.data)
    expect(second.loss?.data).toEqual(first.loss?.data)
    expect(other.losses?.shape).toEqual([6])
    expect(Object.keys(other)).toEqual(graph.outputs.map(({ name: output }) => output))
  })
})

describe('convolutions on blocks of channels', () => {
  it.each([
    ['3 x 3', 3, 1, 1],
    ['3 x 3 with a stride of 2', 3, 2, 1],
    ['2 x 2 with uneven edges', 2, 1, [1, 0, 0, 1]],
  ])('%s give what the standard ones give', async (_, kernel, stride, padding) => {
    const g = new TestGraph()
    const x = g.input('x', [2, 32, 32, 32])
    const weight = g.parameter('weight', noise([48, 32, kernel, kernel], 2))
    const y = g.b.conv(x, weight, g.parameter('bias', noise([48], 3)), { stride, padding })
    const dx = g.b.convInputGradient(y, weight, { stride, padding, space: [32, 32] })
    const net = g.finish({ y, dx })
    const inputs = { x: noise([2, 32, 32, 32], 4) }
    const session = await onnx.prepare(net.graph, net.weights, { device: 'cpu', trains: true })
    const blocked = await session.run(inputs).finally(() => session.dispose())
    const plain = await runOn(onnx, 'cpu', net, inputs)
    for (const name of ['y', 'dx']) expect(difference(plain[name], blocked[name])).toBeLessThan(2e-6)
  })
})
