/**
 * A training step (loss, gradients, Adam) of the module that `mdmc compile --target tfjs` writes, against the same model
 * written by hand in tfjs with `tf.variableGrads`, on one backend: one step each in turn, medians and their ratio.
 *     npx tsdown && npx tsx bench/tfjs.ts [--device tensorflow|webgpu|wasm|cpu] [--batch 16] [--runs 5] [CONFIG.json...]
 * The peer's gradients are part of the package @tensorflow/tfjs 4.22, which is looked for as devices' packages are.
 */
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs-core'
import { isDevice, loadDevice, type Tfjs } from '../backends/tfjs/devices.js'
import { uploaded } from '../backends/tfjs/tensors.js'
import type { Graph } from '../compiler/ir/graph.js'
import type { Tensor } from '../compiler/ir/tensor.js'
import { ruleWeights } from '../runtime/weights/rule.js'
import { writeSafetensors } from '../runtime/weights/write-safetensors.js'
import { build, inputsOf, levelsOf } from './case.js'
import { Network, type Config } from './peers/tfjs_nested_unet.js'
import { median } from './processes.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: 'string', default: 'wasm' },
    batch: { type: 'string', default: '16' },
    runs: { type: 'string', default: '5' },
    tokens: { type: 'string', default: '32' },
  },
})
const [batch, runs, tokens] = [Number(values.batch), Number(values.runs), Number(values.tokens)]
/** Far below what the first steps would change the loss by. */
const rate = 1e-5

interface Step {
  readonly seconds: number
  readonly loss: number
}

/** Trains one step and gives its loss. */
type Train = () => Promise<number>

if (!isDevice(values.device)) throw new Error(`tfjs has no device ${values.device}`)
// The kernels' gradients, which tfjs-core leaves out; loaded first, so that the device stays the one that is set.
createRequire(join(process.cwd(), 'package.json'))('@tensorflow/tfjs')
const tf = await loadDevice(values.device)
await mkdir('.tmp', { recursive: true })
for (const config of positionals.length > 0 ? positionals : ['bench/emoji16.json']) await compare(config)

async function compare(config: string): Promise<void> {
  const scratch = await mkdtemp(resolve('.tmp', 'bench-tfjs-'))
  try {
    const { model, graph, text } = await build(config)
    const inputs = inputsOf(model, graph, { batch, tokens })
    const given = tensors(inputs)
    const ours = await moduleOf(scratch, text, graph, given)
    const peer = await peerOf(config, model, graph, inputs, given)
    const steps: { ours: Step[]; peer: Step[] } = { ours: [], peer: [] }
    const first = { ours: await ours(), peer: await peer().catch(refusal) }
    if (typeof first.peer === 'number' && Math.abs(first.peer / first.ours - 1) > 1e-4)
      throw new Error(`the losses differ: ${first.ours} and ${first.peer}`)
    for (let i = 0; i < runs; i++) {
      if (typeof first.peer === 'number') steps.peer.push(await timed(peer))
      steps.ours.push(await timed(ours))
    }
    console.log(`${config}, batch ${batch}, ${values.device}, ${runs} runs in turn`)
    const a = show('mdmc', first.ours, steps.ours)
    if (typeof first.peer === 'string') return console.log(`  by hand: ${first.peer}`)
    const b = show('by hand', first.peer, steps.peer)
    console.log(`  ratio of medians ${(a / b).toFixed(3)}`)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

function show(name: string, loss: number, steps: readonly Step[]): number {
  const middle = median(steps.map(({ seconds }) => seconds))
  console.log(`  ${name}: median ${middle.toFixed(3)} s, first loss ${loss.toPrecision(7)}`)
  return middle
}

async function timed(step: Train): Promise<Step> {
  const start = performance.now()
  const loss = await step()
  return { seconds: (performance.now() - start) / 1000, loss }
}

function refusal(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
}

function tensors(inputs: Readonly<Record<string, Tensor>>): Record<string, ReturnType<Tfjs['tensor']>> {
  return Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, uploaded(tf, tensor, name)]))
}

interface Trainable {
  trainStep(batch: object, options: object): Promise<{ readonly loss: number }>
}

/** Compiles the model as a user would, and trains it. */
async function moduleOf(
  scratch: string,
  text: string,
  graph: Graph,
  given: ReturnType<typeof tensors>,
): Promise<Train> {
  const [file, weights, folder] = ['case.mdm', 'weights.safetensors', 'module'].map((name) => join(scratch, name))
  if (file === undefined || weights === undefined || folder === undefined) throw new Error('no folder')
  await writeFile(file, text)
  const rule = ruleWeights(graph.parameters)
  await writeSafetensors(
    weights,
    rule.entries,
    ({ name }) => rule.read(name),
    () => undefined,
  )
  const command = ['dist/mdmc.js', 'compile', file, '--target', 'tfjs', '--weights', weights]
  const { status, stderr } = spawnSync(process.execPath, [...command, '-o', folder], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  const { load } = (await import(pathToFileURL(join(folder, 'index.js')).href)) as { load: () => Promise<Trainable> }
  const loaded = await load()
  const { images, text: tokensOfText, text_mask, ...drawn } = given
  const options = { ...drawn, rate, dropped: Array.from({ length: batch }, () => false) }
  const condition = tokensOfText === undefined ? {} : { text: tokensOfText, text_mask }
  return async () => (await loaded.trainStep({ images, ...condition }, options)).loss
}

/** The same by hand. */
async function peerOf(
  config: string,
  model: Parameters<typeof levelsOf>[0],
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
  given: ReturnType<typeof tensors>,
): Promise<Train> {
  const { reference_config } = JSON.parse(await readFile(config, 'utf8')) as { reference_config: Config }
  const rule = ruleWeights(graph.parameters)
  const read = async ({ name, shape }: { name: string; shape: readonly number[] }) => ({
    name,
    shape,
    values: await rule.read(name),
  })
  const network = new Network(reference_config, await Promise.all(graph.parameters.map(read)))
  const lastly = (map: ReturnType<Tfjs['tensor']>) => tf.transpose(map, [0, 2, 3, 1]) as Tensor4D
  const { images, times, text, text_mask } = given
  if (images === undefined || times === undefined) throw new Error('nothing to train on')
  const levels = levelsOf(model, inputs).map(({ noise, alpha, sigma, scale }) => ({
    noise: lastly(tf.tensor(noise.data as Float32Array, [...noise.shape])),
    alpha: tf.tensor4d(alpha, [batch, 1, 1, 1]),
    sigma: tf.tensor4d(sigma, [batch, 1, 1, 1]),
    scale,
  }))
  const examples = {
    images: lastly(images),
    times: tf.cast(times, 'float32') as Tensor1D,
    text: text as Tensor3D | undefined,
    mask: text_mask as Tensor2D | undefined,
    levels,
  }
  const optimiser = tf.train.adam(rate, 0.9, 0.99)
  return async () => {
    const { value, grads } = tf.variableGrads(() => network.loss(examples))
    optimiser.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })))
    const [loss = NaN] = await value.data()
    tf.dispose([value, grads])
    return loss
  }
}
