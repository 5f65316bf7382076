/** The models of full size with recorded figures: 1.8 GB of weights each. */
import { it } from 'vitest'
import { onnx } from '../../backends/onnx/engine.js'
import { expectToConform } from './verify.js'

it.each(['full/S64', 'full/S64S256'])('%s', (name) => expectToConform(name, onnx, 1e-5))
