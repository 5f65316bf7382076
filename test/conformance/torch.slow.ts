/** The models of full size with recorded figures, in generated packages. Measured: 3.7e-6 at most. */
import { afterAll, describe, it } from 'vitest'
import { TorchEngine } from '../../runtime/torch/engine.js'
import { hasTorch } from '../torch/found.js'
import { expectToConform } from './verify.js'

const engine = new TorchEngine()
afterAll(() => engine.close())

describe.skipIf(!hasTorch)('torch', () => {
  it.each(['full/S64', 'full/S64S256'])('%s', (name) => expectToConform(name, engine, 1e-5))
})
