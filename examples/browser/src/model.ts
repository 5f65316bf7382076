/** What the page uses of the module of a compiled model. It takes any model: conditions are known at run time only. */
import type { Tensor } from '@tensorflow/tfjs-core'

export interface Resolution {
  /** Such as `64`, or `t16_64` for 16 frames. */
  readonly name: string
  readonly side: number
  readonly frames: number
  readonly channels: number
}

export interface TextCondition {
  readonly kind: 'text'
  readonly encoder?: string
}

export interface LabelCondition {
  readonly kind: 'label'
  readonly classes: number
  readonly names?: readonly string[]
}

export interface Description {
  readonly name: string
  /** Highest first. */
  readonly resolutions: readonly Resolution[]
  readonly condition: TextCondition | LabelCondition | null
  readonly sampling: { readonly steps: number; readonly guidance: number }
  /** null where the model cannot be trained. */
  readonly training: {
    /** Equal parts that a batch is computed in. */
    readonly accumulate: number
    readonly phase: { readonly rate: number }
  } | null
}

export type Tensors = Record<string, Tensor>

export interface CompiledModel {
  trainStep(batch: Tensors, options: { rate: number }): Promise<{ loss: number; skipped: boolean }>
  sample(request: SampleRequest): Promise<Tensors>
  save(which?: 'weights' | 'average'): Promise<Uint8Array<ArrayBuffer>>
  dispose(): void
}

export interface SampleRequest {
  readonly seed: number
  readonly steps: number
  readonly guidance: number
  readonly signal: AbortSignal
  readonly onStep: (step: { number: number; clean: Readonly<Record<string, Float32Array>> }) => Promise<void>
}
