/** Recorded cases on tfjs: all small ones in WebAssembly, others where WebGPU is there, the smallest in JavaScript. */
import { describe, expect, it } from 'vitest'
import { tfjs } from '../../backends/tfjs/engine.js'
import { disk } from '../../cli/sources.js'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { verifyCase } from '../../runtime/verify/verify.js'
import { hasWebgpu } from '../tfjs/webgpu.js'
import { denoisers, folderOf, processes } from './cases.js'
import { expectGradients, expectToConform } from './verify.js'

describe('wasm', () => {
  it.each(denoisers)('%s', (name) => expectToConform(name, tfjs, 1e-5, 'wasm'))

  it.each(processes)('%s', async (name) => {
    const found = new DiagnosticList()
    const result = await verifyCase(folderOf(name), { engine: tfjs, device: 'wasm', host: disk, report: found.report })
    expect(found.all).toEqual([])
    expect(result?.passed).toBe(true)
    if (/^loss|^train/.test(name)) expectGradients(name, result?.tensors ?? [])
  })
})

// docs/tfjs.md has what all cases gave; each takes a minute on a software driver.
describe.runIf(hasWebgpu)('webgpu', () => {
  it('unet-unconditional', () => expectToConform('unet-unconditional', tfjs, 1e-5, 'webgpu'), 300_000)
})

describe('cpu', () => {
  it('unet-unconditional', () => expectToConform('unet-unconditional', tfjs, 1e-5, 'cpu'), 300_000)
})
