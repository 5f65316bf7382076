/** The recorded steps of training, taken by a compiled module. */
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-wasm'
import { expect, it } from 'vitest'
import { compileToModule } from '../../../backends/tfjs/module/compile.js'
import { disk } from '../../../cli/sources.js'
import { buildDenoiser } from '../../../compiler/build/denoiser.js'
import { buildLoss } from '../../../compiler/build/loss.js'
import { buildTraining } from '../../../compiler/training.js'
import { asObject } from '../../../runtime/json.js'
import type { TrainableModel } from '../../../runtime/tfjs/model.js'
import { uploaded } from '../../../backends/tfjs/tensors.js'
import { moduleTraining } from '../../../runtime/tfjs/settings.js'
import { readCase } from '../../../runtime/verify/case.js'
import { digestsIn, Figures, vanishingIn } from '../../../runtime/verify/figures.js'
import { lossInputs } from '../../../runtime/verify/loss.js'
import { modelOf } from '../../../runtime/verify/model.js'
import { settingsOf } from '../../../runtime/verify/training.js'
import { ruleWeights } from '../../../runtime/weights/rule.js'
import { writeSafetensors } from '../../../runtime/weights/write-safetensors.js'
import { Folder } from '../../cli/run.js'
import { installTfjs } from '../../cli/tfjs/module.js'
import { noReport } from '../../shipped.js'
import { opened } from '../../weights/support.js'
import { folderOf } from '../cases.js'

const folder = new Folder()

it('train-nested', async () => {
  const recorded = await readCase(folderOf('train-nested'), noReport)
  const model = recorded && modelOf(recorded, disk, noReport)
  const training = model && moduleTraining(model, noReport)
  if (!recorded?.tensors || !model || !training) throw new Error('the case cannot be read')
  const gradients = buildTraining(model, noReport)
  const loss = buildLoss(model, noReport)
  const { parameters } = gradients
  const recordedSettings = settingsOf(recorded)
  const phase = { ...training.settings.phase, rate: recordedSettings.optimizer.rate }
  const rule = ruleWeights(parameters)
  await compileToModule(model, buildDenoiser(model, noReport), folder.at('module'), {
    version: '0.0.0',
    runtime: { 'runtime.js': readFileSync('dist/tfjs-runtime.js', 'utf8'), 'runtime.d.ts': '' },
    training: { loss, gradients, settings: { ...training.settings, ...recordedSettings, phase } },
    writeWeights: async (path) => {
      await writeSafetensors(path, rule.entries, ({ name }) => rule.read(name), noReport)
    },
  })
  installTfjs(folder)
  await tf.setBackend('wasm')
  const { load } = (await import(pathToFileURL(folder.at('module', 'index.js')).href)) as {
    readonly load: () => Promise<TrainableModel>
  }
  const trained = await load()
  const { json } = recorded
  const figures = new Figures(recorded.path, recorded.tensors, 1e-4, noReport)
  const steps = Array.isArray(json.steps) ? json.steps.map(asObject) : []
  for (const [k, step] of steps.entries()) {
    const inputs = await lossInputs(gradients, model, recorded, figures, k)
    const given = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, uploaded(tf, tensor, name)]))
    const { images, ...draws } = given
    const found = await trained.trainStep({ images }, draws)
    figures.compareNumber(`loss ${k}`, found.loss, step?.loss)
    figures.compareNumber(`norm ${k}`, found.norm, step?.grad_norm)
    figures.compareNumber(`rate ${k}`, found.rate, step?.lr)
    tf.dispose(given)
  }
  for (const [which, key] of [
    ['weights', 'parameters_after'],
    ['average', 'ema_after'],
  ] as const) {
    const source = await opened(folder.write(`${which}.safetensors`, await trained.save(which)))
    const values = new Map<string, Float32Array>()
    for (const { name } of source.entries) values.set(name, await source.read(name))
    // Adam makes whole steps of gradients that are nothing but rounding: such parameters are not compared.
    const compared = new Map([...digestsIn(json[key])].filter(([name]) => !vanishingIn(json).has(name)))
    figures.compareDigests(key, compared, new Set(), (name) => {
      const data = values.get(name)
      return data && { shape: [data.length], data }
    })
    await source.close()
  }
  trained.dispose()
  await recorded.tensors.close()
  expect(tf.memory().numTensors).toBe(0)
  expect(figures.results.length).toBeGreaterThan(20)
  for (const { name, error, tolerance } of figures.results) expect(error, name).toBeLessThanOrEqual(tolerance)
})
