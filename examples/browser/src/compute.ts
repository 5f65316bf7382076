/** The worker: loads the model, samples and trains, so that the page stays responsive whatever a step takes. */
import * as tf from '@tensorflow/tfjs-core'
import { expose, transfer } from 'comlink'
import * as namespace from 'virtual:model/index.js'
import weights from 'virtual:model/weights.safetensors?url'
import { availableDevices, useDevice, type Device } from './devices.js'
import type { CompiledModel, Tensors } from './model.js'
import { toPicture, toValues, type Picture } from './pixels.js'

/** What is sampled. */
export interface Order {
  /** The prompt, or the number of the class. */
  readonly wish: string
  readonly seed: number
  readonly steps: number
  readonly guidance: number
}

/** An image to learn from. */
export interface Example {
  readonly picture: Picture
  readonly wish: string
}

export interface TrainedStep {
  /** Counted from 1. */
  readonly number: number
  readonly loss: number
  /** Whether nothing was learnt, since the gradient is not finite. */
  readonly skipped: boolean
}

/** A value of its own, since bundlers warn of a namespace that is asked for what this model does not export. */
const compiled = { ...namespace }
const { description } = compiled
let model: CompiledModel | undefined
let stopping = new AbortController()

const computer = {
  /** What the model is. Throws where this page cannot use it. */
  description() {
    const { name, condition, resolutions } = description
    if (condition?.kind === 'text' && !compiled.encodeText)
      throw new Error(
        `${name} reads the features of a large text encoder, which this page does not have. It takes models with ` +
          '`condition text { encoder "hash" }`, with labels, or without a condition.',
      )
    const channels = resolutions[0]?.channels ?? 0
    if (channels !== 1 && channels !== 3)
      throw new Error(`${name} makes images of ${channels} channels; this page shows grey (1) and colours (3).`)
    return description
  },

  devices: availableDevices,

  /** Computes on the device from now on; what has been learnt is kept, but for the optimiser's memory. */
  async use(device: Device): Promise<void> {
    const [old, before] = [model, tf.getBackend()]
    const learnt = await old?.save()
    try {
      await useDevice(device)
      model = await compiled.load(learnt ?? new URL(weights, import.meta.url).href)
    } catch (cause) {
      if (old) await tf.setBackend(before)
      throw cause
    }
    old?.dispose()
  },

  /** Samples one picture per resolution; each step shows what it would be if the process ended there. */
  async sample(
    { wish, seed, steps, guidance }: Order,
    onStep: (number: number, pictures: Picture[]) => Promise<void>,
  ): Promise<Picture[] | undefined> {
    const condition = conditionInputs([wish])
    stopping = new AbortController()
    const { signal } = stopping
    try {
      const images = await loaded().sample({
        ...condition,
        ...{ seed, steps, guidance, signal },
        onStep: ({ number, clean }) => onStep(number + 1, toPictures(clean)),
      })
      const pictures = toPictures(await numbersOf(images))
      tf.dispose(images)
      return pictures
    } catch (cause) {
      if (signal.aborted) return undefined
      throw cause
    } finally {
      tf.dispose(condition)
    }
  },

  /** Trains on the examples in turn, in a new random order each time they are through. */
  async train(
    examples: readonly Example[],
    { steps, batch, rate }: { steps: number; batch: number; rate: number },
    onStep: (step: TrainedStep) => Promise<void>,
  ): Promise<void> {
    stopping = new AbortController()
    const { signal } = stopping
    const order = endlessly(examples)
    for (let number = 1; number <= steps && !signal.aborted; number++) {
      const chosen = Array.from({ length: batch }, () => order.next().value)
      const inputs = { images: imagesOf(chosen), ...conditionInputs(chosen.map(({ wish }) => wish)) }
      const { loss, skipped } = await loaded().trainStep(inputs, { rate })
      tf.dispose(inputs)
      await onStep({ number, loss, skipped })
    }
  },

  /** Ends sampling or training after the step that is being computed. */
  stop: () => stopping.abort(),

  /** The weights as a safetensors file. */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await loaded().save()
    return transfer(bytes, [bytes.buffer])
  },
}

export type Computer = typeof computer

function loaded(): CompiledModel {
  if (!model) throw new Error('no device is in use')
  return model
}

function conditionInputs(wishes: readonly string[]): Tensors {
  const { condition } = description
  if (condition === null) return {}
  if (condition.kind === 'label') return { label: tf.tensor1d(wishes.map(Number), 'int32') }
  return { ...compiled.encodeText?.(wishes) }
}

function imagesOf(examples: readonly Example[]): tf.Tensor {
  const [{ side, channels } = { side: 0, channels: 0 }] = description.resolutions
  const values = new Float32Array(examples.length * channels * side * side)
  examples.forEach(({ picture }, i) => values.set(toValues(picture, channels), i * channels * side * side))
  return tf.tensor4d(values, [examples.length, channels, side, side])
}

async function numbersOf(images: Tensors): Promise<Record<string, Float32Array>> {
  const read = Object.entries(images).map(async ([name, tensor]) => [name, await tensor.data<'float32'>()] as const)
  return Object.fromEntries(await Promise.all(read))
}

function toPictures(images: Readonly<Record<string, Float32Array>>): Picture[] {
  return description.resolutions.map((resolution) => toPicture(resolution, images[resolution.name] ?? []))
}

function* endlessly<Item>(items: readonly Item[]): Generator<Item, never> {
  for (;;) {
    const order = [...items]
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1))
      ;[order[i], order[j]] = [order[j] as Item, order[i] as Item]
    }
    yield* order
  }
}

expose(computer)
