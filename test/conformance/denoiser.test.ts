/** Every recorded denoiser on both engines. Measured here: 2.7e-6 at most. */
import { describe, expect, it } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import { reference } from '../../backends/reference/engine.js'
import { denoisers } from './cases.js'
import { expectToConform } from './verify.js'

const closest = 6e-6

it('has all cases', () => {
  expect(denoisers.length).toBeGreaterThanOrEqual(15)
})

describe.each([onnx, reference])('$name', (engine) => {
  it.each(denoisers)('%s', (name) => expectToConform(name, engine, closest))
})
