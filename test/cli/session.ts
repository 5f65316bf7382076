/** Files that mdmc wrote, run by ONNX Runtime alone, as a deployer would with no more than the manifest. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { elementCount, type Tensor } from '../../compiler/ir/tensor.js'

export interface ManifestPort {
  readonly name: string
  readonly type: string
  readonly shape: readonly (number | string)[]
  readonly default?: number
}

/** The manifest as far as tests read it. */
export interface Manifest {
  readonly model: string
  readonly opset: number
  readonly precision: string
  readonly specHash: string
  readonly weights: string
  readonly files: readonly {
    readonly role: string
    readonly path: string
    readonly external: readonly string[]
    readonly inputs: readonly ManifestPort[]
    readonly outputs: readonly ManifestPort[]
  }[]
  readonly resolutions: readonly {
    readonly name: string
    readonly side: number
    readonly frames: number
    readonly input: string
    readonly prediction: string
  }[]
  readonly condition: unknown
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[]
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest
}

export type Tensors = Readonly<Record<string, Tensor>>

/** Runs a file once. */
export async function runFile(path: string, inputs: Tensors): Promise<Tensors> {
  const session = await InferenceSession.create(path, { logSeverityLevel: 2 })
  try {
    const feeds = Object.entries(inputs).map(([name, tensor]) => [name, toRuntime(name, tensor)] as const)
    const results = await session.run(Object.fromEntries(feeds))
    return Object.fromEntries(
      Object.entries(results).map(([name, { dims, data }]) => [
        name,
        { shape: dims, data: Float32Array.from(data as Float32Array) },
      ]),
    )
  } finally {
    await session.release()
  }
}

/** Inputs of whole numbers. */
const whole = ['label', 'negative_label', 'steps']

function toRuntime(name: string, { shape, data }: Tensor): OrtTensor {
  if (whole.includes(name) || data instanceof Float64Array)
    return new OrtTensor('int64', BigInt64Array.from(data, BigInt), shape)
  return new OrtTensor('float32', Float32Array.from(data), shape)
}

const sizes: Readonly<Record<string, number>> = { batch: 2, tokens: 5 }

/** Reproducible inputs for the ports of a manifest; sizes that a run chooses are 2 examples and 5 tokens. */
export function inputsFor(ports: readonly ManifestPort[]): Tensors {
  return Object.fromEntries(
    ports.map(({ name, type, shape, default: standard }, i) => {
      const fixed = shape.map((size) => (typeof size === 'number' ? size : (sizes[size] ?? 1)))
      // Weights as small as networks have them, so that rounding does not grow from layer to layer.
      const isWeight = name.includes('.') && fixed.length > 1
      const size = 1.2 / (isWeight ? Math.sqrt(elementCount(fixed.slice(1))) : 1)
      const waves = (_: unknown, k: number) => Math.sin(1 + 12.9898 * k + 78.233 * i) * size
      const values: Readonly<Record<string, (_: unknown, k: number) => number>> = {
        times: (_, k) => 731 - 500 * k,
        label: (_, k) => (3 * k + 1) % 7,
        text_mask: (_, k) => (k === (fixed[1] ?? 0) - 1 ? 0 : 1),
      }
      const value = values[name] ?? (standard === undefined ? waves : () => standard)
      const length = elementCount(fixed)
      const data = type === 'int64' ? Float64Array.from({ length }, value) : Float32Array.from({ length }, value)
      return [name, { shape: fixed, data }]
    }),
  )
}

/** The largest difference as a share of the largest expected number. */
export function relativeError(found: Tensor | undefined, expected: Tensor | undefined): number {
  if (!expected || found?.shape.join() !== expected.shape.join()) return Infinity
  let apart = 0
  let largest = 0
  expected.data.forEach((value, i) => {
    const distance = Math.abs(value - (found.data[i] ?? NaN))
    apart = Number.isNaN(distance) ? Infinity : Math.max(apart, distance)
    largest = Math.max(largest, Math.abs(value))
  })
  return largest === 0 ? apart : apart / largest
}
