/** Sampling with a compiled module: what is asked becomes settings and tensors for the loop that all engines share. */
import * as tf from '@tensorflow/tfjs-core'
import { downloaded } from '../../backends/tfjs/tensors.js'
import type { Sampling } from '../../compiler/check/model.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { Sampler, type Images } from '../sample/loop.js'
import type { StepNetwork } from '../sample/network.js'
import { settingsOf } from '../sample/request.js'
import { unconditionalLabel } from '../text/labels.js'
import { processIn, subjectIn, type Description } from './description.js'
import { successOf } from './findings.js'
import { hashTextEncoder, stacked, type EncodedPrompts } from './text.js'

type Numbers = tf.Tensor | Float32Array | readonly number[]

/** What is to be sampled; what is not said is as the section `sample` has it. */
export interface SampleRequest {
  readonly count?: number
  readonly text?: tf.Tensor3D
  readonly text_mask?: tf.Tensor2D
  readonly negative_text?: tf.Tensor3D
  readonly negative_text_mask?: tf.Tensor2D
  readonly label?: number | readonly number[] | tf.Tensor1D
  readonly seed?: number
  readonly steps?: number
  readonly guidance?: number
  readonly method?: Sampling['method']
  readonly spacing?: Sampling['spacing']
  readonly eta?: number
  /** What to begin with, by resolution. */
  readonly noise?: Readonly<Record<string, Numbers>>
  readonly onStep?: (step: {
    readonly number: number
    readonly of: number
    readonly clean: Readonly<Record<string, Float32Array>>
  }) => void | Promise<void>
  readonly signal?: AbortSignal
  /** `micro_KEY`: a micro-condition, for all images. */
  readonly [micro: `micro_${string}`]: number
}

/** Makes the step of sampling ready for what is asked. */
export type NetworkOf = (guided: boolean) => StepNetwork

/** All resolutions of the images, [count, channels, (frames,) side, side] within -1 and 1, the caller's own. */
export async function sampled(
  request: SampleRequest,
  description: Description,
  networkOf: NetworkOf,
): Promise<Record<string, tf.Tensor>> {
  const { onStep, signal } = request
  const subject = subjectIn(description)
  const settings = settingsIn(request, description)
  const guided = settings.guidance !== 1
  const conditions = await conditionOf(request, description, guided)
  const network = networkOf(guided)
  const step: StepNetwork['step'] = (inputs) => {
    signal?.throwIfAborted()
    return network.step(inputs)
  }
  const sampler = new Sampler(subject.process, { sampling: settings, seed: settings.seed ?? 0 }, { ...network, step })
  const noise = request.noise && (await noiseIn(request.noise, description, conditions.rows))
  const batch = {
    images: Array.from({ length: conditions.rows }, (_, i) => i),
    condition: conditions.tensors,
    micros: new Map(Array.from(subject.micros, ([key, value]) => [key, request[`micro_${key}`] ?? value])),
    ...(noise ? { noise } : {}),
  }
  const images = await sampler.sample(
    batch,
    onStep &&
      (({ number, of, clean }) => {
        const shown = Array.from(clean, ([name, { data }]) => [name, data as Float32Array] as const)
        return onStep({ number, of, clean: Object.fromEntries(shown) })
      }),
  )
  const tensors = Array.from(images, ([name, { shape, data }]) => [name, tf.tensor(data, [...shape])] as const)
  return Object.fromEntries(tensors)
}

function settingsIn(request: SampleRequest, description: Description): Sampling {
  const { seed, steps, guidance, method, spacing, eta } = request
  const given = Object.entries({ seed, steps, guidance, method, spacing, eta }).filter(
    ([, value]) => value !== undefined,
  )
  const negative = request.negative_text ? 'given' : undefined
  const wishes = { prompts: [], labels: [], negative, encoder: undefined, count: 1 }
  for (const name of ['text', 'label'] as const)
    if (request[name] !== undefined && description.condition?.kind !== name)
      throw new Error(`${description.name} takes no ${name}; leave it out`)
  return successOf((report) => settingsOf(subjectIn(description), Object.fromEntries(given), wishes, report))
}

interface Conditions {
  readonly rows: number
  readonly tensors: Readonly<Record<string, Tensor>>
}

/** The condition of all rows, before them that of no condition where guided. */
async function conditionOf(request: SampleRequest, description: Description, guided: boolean): Promise<Conditions> {
  const { condition } = description
  if (condition === null) return { rows: request.count ?? 1, tensors: {} }
  if (condition.kind === 'label') {
    if (request.label === undefined) throw new Error('give the label of each image; -1 stands for no class')
    const given = typeof request.label === 'number' ? [request.label] : request.label
    const labels = given instanceof tf.Tensor ? Array.from(await given.data()) : [...given]
    const rows = rowsIn(request, labels.length, 'label')
    const all = Array.from({ length: rows }, (_, row) => labels[row % labels.length] ?? unconditionalLabel)
    const none = guided ? all.map(() => unconditionalLabel) : []
    return { rows, tensors: { label: { shape: [none.length + rows], data: Float64Array.from([...none, ...all]) } } }
  }
  const { text, text_mask: mask } = request
  if (text === undefined || mask === undefined)
    throw new Error('give text, [count, tokens, width], and text_mask, [count, tokens]')
  const rows = rowsIn(request, text.shape[0], 'text')
  const own: EncodedPrompts[] = []
  const result = tf.tidy(() => {
    const all = repeated({ text, text_mask: mask }, rows)
    if (guided) own.push(repeated(negativeOf(request, condition), rows))
    return stacked([...own, all]) as EncodedPrompts & Record<string, tf.Tensor>
  })
  const tensors = { text: await downloaded(result.text), text_mask: await downloaded(result.text_mask) }
  tf.dispose(result)
  return { rows, tensors }
}

/** How many images there are, where a condition has so many rows. */
function rowsIn({ count }: SampleRequest, given: number, name: string): number {
  if (count === undefined || given === count) return given
  if (given === 1) return count
  throw new Error(`${name} has ${given} rows for ${count} images: give one row, or one for each`)
}

function negativeOf(
  { negative_text: text, negative_text_mask: mask }: SampleRequest,
  { encoder, width }: { readonly encoder: string | undefined; readonly width: number },
): EncodedPrompts {
  if (text !== undefined && mask !== undefined) return { text, text_mask: mask }
  if (text === undefined && encoder === 'hash') return hashTextEncoder(width)([''])
  throw new Error(
    `guidance leads away from a text: give the encoded empty prompt, of shape [1, tokens, ${width}], as negative_text, ` +
      'with its negative_text_mask, or guidance: 1',
  )
}

function repeated({ text, text_mask }: EncodedPrompts, rows: number): EncodedPrompts {
  if (text.shape[0] === rows) return { text, text_mask }
  return { text: tf.tile(text, [rows, 1, 1]), text_mask: tf.tile(text_mask, [rows, 1]) }
}

async function noiseIn(
  given: NonNullable<SampleRequest['noise']>,
  description: Description,
  rows: number,
): Promise<Images> {
  const images = new Map<string, Tensor>()
  for (const [r, { imageChannels, frames, side }] of processIn(description).resolutions.entries()) {
    const name = description.resolutions[r]?.name ?? ''
    const numbers = given[name]
    if (numbers === undefined) throw new Error(`there is no noise for ${name}: give that of all resolutions, or none`)
    const shape = [rows, imageChannels, ...(frames === 1 ? [] : [frames]), side, side]
    const data = Float32Array.from(numbers instanceof tf.Tensor ? await numbers.data() : numbers)
    if (data.length !== shape.reduce((size, length) => size * length, 1))
      throw new Error(`the noise for ${name} has ${data.length} numbers; its shape is [${shape.join(', ')}]`)
    images.set(name, { shape, data })
  }
  return images
}
