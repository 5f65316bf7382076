/** Devices: results on WebGPU where there is a driver, and clear words where a device is missing. */
import { describe, expect, it } from 'vitest'
import { EngineUnavailable } from '../../backends/unavailable.js'
import { onnx } from '../../backends/onnx/engine.js'
import { cases } from './cases.js'
import { network, networkInputs } from './network.js'
import { difference, evaluate, noise, runOn, TestGraph } from './support.js'

/** The first of each op's: in software one takes a second. */
const some = Object.entries(cases).flatMap(([op, list]) =>
  list.slice(0, 2).map((entry, i) => ({ name: `${op} ${i}`, ...entry })),
)

async function missing(device: string): Promise<EngineUnavailable | undefined> {
  const g = new TestGraph()
  const doubled = g.finish({ y: g.b.mul(g.input('x', [1]), 2) })
  return runOn(onnx, device, doubled, { x: noise([1]) }).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof EngineUnavailable) return error
      throw error
    },
  )
}

// Without a graphics card a software driver will do; asking for one is what says that it should be tried.
const driver = process.env.VK_ICD_FILENAMES ?? ''
if (driver === '') console.log('skipped: WebGPU is tried where VK_ICD_FILENAMES names a Vulkan driver')

describe.runIf(driver !== '')('webgpu', () => {
  it.each(some)('$name', async (entry) => {
    const [exact, result] = [await evaluate(entry, entry.inputs), await runOn(onnx, 'webgpu', entry, entry.inputs)]
    expect(difference(exact.y, result.y)).toBeLessThan(2e-6)
  })

  it('a small network', async () => {
    const [net, inputs] = [network(), networkInputs(2, 5)]
    const [exact, result] = [await evaluate(net, inputs), await runOn(onnx, 'webgpu', net, inputs)]
    expect(difference(exact.pred_16, result.pred_16)).toBeLessThan(1e-4)
  })
})

describe('a device that is missing', () => {
  it.runIf(process.platform === 'linux')('never becomes the processor without a word', async () => {
    expect((await missing('coreml'))?.remedy).toContain('macOS')
    expect((await missing('dml'))?.remedy).toContain('Windows')
  })

  it('comes with its remedy', async () => {
    for (const device of ['cuda', 'webgpu']) {
      const error = await missing(device)
      if (error === undefined) continue
      expect(error.problem).toMatch(/^ONNX Runtime cannot use the device `\w+` here: \S/)
      expect(error.remedy).toMatch(device === 'cuda' ? /onnxruntime-node-install=cuda12/ : /VK_ICD_FILENAMES/)
    }
  })
})
