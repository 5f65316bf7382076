/** Recorded denoisers on WebGPU over whatever Vulkan driver there is. Over SwiftShader all fifteen: 3.3e-6 at most. */
import { describe, it } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import { expectToConform } from './verify.js'

const driver = process.env.VK_ICD_FILENAMES
if (driver === undefined) console.log('skipped: WebGPU is tried where VK_ICD_FILENAMES names a Vulkan driver')

/** A minute each in software: `mdmc verify --device webgpu` runs all. */
const cases = ['nested2-mixed-batch', 'video-t4-rotary']

describe.skipIf(driver === undefined)('webgpu', () => {
  it.each(cases)('%s', (name) => expectToConform(name, onnx, 1e-5, 'webgpu'), 300_000)
})
