/** What the generated files of a module hand to its runtime. */
import type { Tensor } from '@tensorflow/tfjs-core'
import type { Described } from '../../backends/inputs.js'
import type { Bytes } from '../../backends/tfjs/peak.js'
import type { Process } from '../../compiler/build/schedule.js'
import type { Condition, Diffusion, Sampling, Training } from '../../compiler/check/model.js'
import type { Bindings } from '../../compiler/ir/dimension.js'
import type { Subject } from '../sample/subject.js'

export type Tensors = Readonly<Record<string, Tensor>>
/** What is kept from one run to the next, by the functions of the program that read it. */
export type Stored = Readonly<Record<string, Tensors>>

/** A generated program (see programText). */
export interface GeneratedProgram {
  readonly inputs: readonly (Described & { readonly name: string; readonly dataType: 'float32' | 'int32' })[]
  /** Bytes of the tensors of a run, of which the largest sum counts. */
  readonly peaks: readonly Bytes[]
  prepare(parameter: (name: string, shape: number[]) => Promise<Tensor>): Promise<Stored>
  run(sizes: Bindings, inputs: Tensors, stored: Stored, parameter: (name: string, shape: number[]) => Tensor): Tensors
}

/** The programs of a model; those that not everybody needs are loaded when they are needed. */
export interface Programs {
  readonly network: GeneratedProgram
  /** What depends on the condition alone. */
  readonly condition?: GeneratedProgram
  /** Advances images by a step, from predictions; `guided`: from those with and without condition. */
  readonly solver: GeneratedProgram
  readonly guided?: GeneratedProgram
  readonly loss?: () => Promise<GeneratedProgram>
  readonly training?: () => Promise<GeneratedProgram>
}

/** How a model is trained: its section `train`, and of its phases the one that trains the whole of it. */
export interface TrainingSettings extends Pick<
  Training,
  'optimizer' | 'average' | 'accumulate' | 'conditionDropout' | 'seed'
> {
  readonly phase: {
    /** Which phase it is, from 0 on: different phases draw different numbers. */
    readonly number: number
    /** Steps after which a falling rate is 0; null where no phase says it. */
    readonly steps: number | null
    readonly batch: number | null
    readonly rate: number
    readonly mix: readonly number[]
  }
}

/** The model as `description` of index.js tells of it. */
export interface Description {
  readonly name: string
  readonly specHash: string
  /** Highest first. */
  readonly resolutions: readonly {
    readonly name: string
    readonly side: number
    readonly frames: number
    readonly channels: number
  }[]
  readonly condition: Condition | null
  /** Micro-conditions with what they are where nobody gives them. */
  readonly micros: Readonly<Record<string, number>>
  readonly diffusion: Diffusion
  readonly sampling: Sampling
  /** null where the loss has no gradients. */
  readonly training: TrainingSettings | null
}

/** A parameter of the model, and whether training changes it. */
export type ParameterEntry = readonly [name: string, shape: readonly number[], trained: boolean]

export function processIn({ diffusion, resolutions }: Description): Process {
  return {
    diffusion,
    resolutions: resolutions.map(({ side, frames, channels }) => ({ side, frames, imageChannels: channels })),
  }
}

export function subjectIn(description: Description): Subject {
  const { name, specHash, condition, sampling, micros } = description
  return {
    name,
    specHash,
    process: processIn(description),
    condition: condition ?? undefined,
    sampling,
    micros: new Map(Object.entries(micros)),
  }
}
