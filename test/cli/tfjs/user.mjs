/** What a user of a compiled module does, in a process of its own: `node user.mjs MODULE REQUEST RESULT`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-wasm'

const [module, requestAt, resultAt] = process.argv.slice(2).map((path) => resolve(path))
const { load, encodeText, description } = await import(pathToFileURL(module ?? ''))
const { inputs, prompts, captions, images, steps, saved } = JSON.parse(readFileSync(requestAt ?? '', 'utf8'))

await tf.setBackend('wasm')
const model = await load()

const tensor = ({ shape, data }) => tf.tensor(data, shape)
const plain = async (tensors) => {
  const entries = Object.entries(tensors).map(async ([name, t]) => [
    name,
    { shape: t.shape, data: [...(await t.data())] },
  ])
  tf.dispose(tensors)
  return Object.fromEntries(await Promise.all(entries))
}
const refused = (action) =>
  Promise.resolve()
    .then(action)
    .then(
      () => 'nothing was refused',
      ({ message }) => message,
    )

const text = encodeText(prompts)
const given = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, tensor(value)]))
const request = { ...text, seed: 7, steps: 3 }
const shown = []
const onStep = async ({ number, of, clean }) => void shown.push([number, of, Object.keys(clean)])

const before = {
  predictions: await plain(await model.predict({ ...given, ...text })),
  samples: await plain(await model.sample({ ...request, onStep })),
}
const errors = {
  missing: await refused(() => model.predict(text)),
  unknown: await refused(() => model.predict({ ...given, ...text, colour: text.text })),
  shape: await refused(() => model.predict({ ...given, ...text, x_8: given.x_16 })),
  images: await refused(() => model.trainStep(text)),
  steps: await refused(() => model.sample({ ...request, steps: 5000 })),
  prompt: await refused(() => model.sample({ steps: 2 })),
  rows: await refused(() => model.sample({ ...request, count: 3 })),
  aborted: await refused(() => model.sample({ ...request, signal: AbortSignal.abort(new Error('enough')) })),
  weights: await refused(() => load(new Uint8Array(100))),
  nowhere: await refused(() => load('no/such.safetensors')),
}

const batch = { images: tensor(images), ...encodeText(captions) }
const results = []
const memory = new Set()
for (let step = 0; step < steps; step++) {
  results.push(await model.trainStep(batch))
  const { numTensors, numBytes } = tf.memory()
  memory.add(`${numTensors} ${numBytes}`)
}
const losses = [await model.loss(batch), await model.loss(batch)]
writeFileSync(saved.weights, await model.save())
writeFileSync(saved.average, await model.save('average'))
const after = {
  weights: await plain(await model.sample(request)),
  average: await plain(await model.sample({ ...request, which: 'average' })),
}
const again = await load(saved.weights)
const loaded = await plain(await again.sample(request))
again.dispose()
model.dispose()
tf.dispose([text, given, batch])

const result = {
  description,
  shown,
  before,
  errors,
  results,
  memory: [...memory],
  losses,
  after,
  loaded,
  left: tf.memory().numTensors,
}
writeFileSync(resultAt ?? '', JSON.stringify(result))
