/** Recorded denoisers on WebGPU over whatever Vulkan driver there is. Over SwiftShader all fifteen: 3.3e-6 at most. */
import { describe, it } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import { denoisers } from './cases.js'
import { expectToConform } from './verify.js'

const driver = process.env.VK_ICD_FILENAMES
if (driver === undefined) console.log('skipped: WebGPU is tried where VK_ICD_FILENAMES names a Vulkan driver')

describe.skipIf(driver === undefined)('webgpu', () => {
  it.each(denoisers)('%s', (name) => expectToConform(name, onnx, 1e-5, 'webgpu'))
})
