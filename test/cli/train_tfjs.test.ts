/** `mdmc train --engine tfjs`: a run, how it goes on, and its weights in the other engine. */
import { readFileSync, rmSync, truncateSync } from 'node:fs'
import sharp from 'sharp'
import { beforeAll, expect, it } from 'vitest'
import type { Engine } from '../../backends/engine.js'
import { onnx } from '../../backends/onnx/engine.js'
import { tfjs } from '../../backends/tfjs/engine.js'
import { floats } from '../../compiler/ir/tensor.js'
import { openWeights } from '../../runtime/weights/open.js'
import { inputsFor } from '../gradients/support.js'
import { difference, runOn } from '../onnx/support.js'
import { graphOf, modelOf } from '../shipped.js'
import { Folder, mdmc, succeed } from './run.js'

const folder = new Folder()
/** Captions are not kept from one run of the tests to the next. */
const env = { XDG_CACHE_HOME: folder.at('cache') }
const wasm = ['--engine', 'tfjs', '--device', 'wasm']
const spec = folder.write(
  'small.mdm',
  `model Small {
  embedding 32
  groups 8
  condition text { width 16  encoder "hash" }

  level 16 { channels 16  blocks 1 }
  level 8 { channels 32  blocks 1  attention 1 }
}

train Small {
  optimizer adamw { rate 3e-3  clip 1 }
  average 0.5
  phase Small { steps 6  batch 4 }
}
`,
)
const weights = folder.at('run', 'model.safetensors')

beforeAll(async () => {
  const often = ['--save-every', '2', '--log-every', '1', '--sample-every', '0', '--workers', '1']
  await succeed(['train', spec, ...wasm, ...often, '-o', folder.at('run')], { env })
}, 120_000)

it('goes on after a damaged checkpoint to the very same weights', async () => {
  const whole = readFileSync(weights)
  rmSync(weights)
  truncateSync(folder.at('run', 'checkpoints', 'step-00000006', 'model.safetensors'), 1000)
  const { code, err } = await mdmc(['train', '--resume', folder.at('run'), ...wasm], { env })
  expect(err).toContain('going on after step 4')
  expect(code).toBe(0)
  expect(readFileSync(weights).equals(whole)).toBe(true)
}, 60_000)

it('gives weights with which ONNX Runtime computes the same', async () => {
  const graph = graphOf(modelOf(spec))
  const source = await openWeights(weights, () => undefined)
  const read = async (name: string) => Float32Array.from((await source?.read(name)) ?? [])
  const inputs = { ...inputsFor(graph, { batch: 2, tokens: 5 }), times: floats([2], [3, 700]) }
  const on = (engine: Engine, device: string) => runOn(engine, device, { graph, weights: { read } }, inputs)
  const [one, other] = [await on(onnx, 'cpu'), await on(tfjs, 'wasm')]
  await source?.close()
  expect(Object.keys(one)).toEqual(['pred_16'])
  // Measured: 8e-7.
  expect(difference(one.pred_16, other.pred_16)).toBeLessThan(1e-5)
})

it('gives weights from which both engines draw the same picture', async () => {
  const given = ['--weights', weights, '--prompt', 'red heart', '--steps', '4', '--seed', '3']
  await succeed(['sample', spec, ...given, '-o', folder.at('onnx')])
  await succeed(['sample', spec, ...given, ...wasm, '-o', folder.at('tfjs')])
  const pixels = (to: string) => sharp(folder.at(to, '0000.png')).raw().toBuffer()
  const [one, other] = [await pixels('onnx'), await pixels('tfjs')]
  expect(one.length).toBe(16 * 16 * 3)
  expect(new Set(one).size).toBeGreaterThan(10)
  expect(Math.max(...one.map((value, i) => Math.abs(value - (other[i] ?? 0))))).toBeLessThanOrEqual(1)
}, 60_000)
