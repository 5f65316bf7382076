/** Devices of tfjs: results on WebGPU where there is a driver, and clear words where one is missing. */
import { describe, expect, it } from 'vitest'
import { packageUrl } from '../../backends/tfjs/devices.js'
import { tfjs } from '../../backends/tfjs/engine.js'
import { EngineUnavailable } from '../../backends/unavailable.js'
import { cases } from '../onnx/cases.js'
import { difference, evaluate, noise, runOn, TestGraph } from '../onnx/support.js'
import { hasWebgpu } from './webgpu.js'

const all = Object.entries(cases).flatMap(([op, list]) => list.map((entry, i) => ({ name: `${op} ${i}`, ...entry })))

if (!hasWebgpu)
  console.log('skipped: WebGPU is tried where VK_ICD_FILENAMES names a Vulkan driver and the package webgpu is there')

describe.runIf(hasWebgpu)('webgpu', () => {
  it.each(all)('$name', async (entry) => {
    const [exact, result] = [await evaluate(entry, entry.inputs), await runOn(tfjs, 'webgpu', entry, entry.inputs)]
    expect(difference(exact.y, result.y)).toBeLessThan(2e-6)
  })
})

describe('a device that is missing', () => {
  it.runIf(packageUrl('tensorflow') === undefined)('comes with its remedy', async () => {
    const g = new TestGraph()
    const doubled = g.finish({ y: g.b.mul(g.input('x', [1]), 2) })
    const error: unknown = await runOn(tfjs, 'tensorflow', doubled, { x: noise([1]) }).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(EngineUnavailable)
    expect(error).toMatchObject({
      problem: expect.stringContaining('tfjs-node is not installed') as string,
      remedy: expect.stringContaining('npm install @tensorflow/tfjs-node@4.22.0') as string,
    })
    expect(await tfjs.works('tensorflow')).toBe(false)
  })

  it('does not keep others from working', async () => {
    expect(await tfjs.works('wasm')).toBe(true)
    expect(await tfjs.works('coreml')).toBe(false)
  })
})
