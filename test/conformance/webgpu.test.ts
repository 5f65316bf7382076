/** Recorded denoisers on WebGPU over whatever Vulkan driver there is. Over SwiftShader all fifteen: 3.3e-6 at most. */
import { describe, it } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import { expectToConform } from './verify.js'

const driver = process.env.VK_ICD_FILENAMES
if (driver === undefined) console.log('skipped: WebGPU is tried where VK_ICD_FILENAMES names a Vulkan driver')

describe.skipIf(driver === undefined)('webgpu', () => {
  // A case takes up to a minute in software; `mdmc verify --device webgpu` runs all.
  it('unet-unconditional', () => expectToConform('unet-unconditional', onnx, 1e-5, 'webgpu'), 300_000)
})
