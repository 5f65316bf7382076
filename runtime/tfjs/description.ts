/** What the generated files of a module hand to its runtime. */
import type { Described } from '../../backends/inputs.js'
import type { Bytes } from '../../backends/tfjs/peak.js'
import type { ProgramFunctions } from '../../backends/tfjs/text.js'
import type { Process } from '../../compiler/build/schedule.js'
import type { Condition, Diffusion, Sampling } from '../../compiler/check/model.js'
import type { Subject } from '../sample/subject.js'
import type { Description as PublicDescription } from './public.js'

/** A generated program (see programText). */
export interface GeneratedProgram extends ProgramFunctions {
  readonly inputs: readonly (Described & { readonly name: string; readonly dataType: 'float32' | 'int32' })[]
  /** Bytes of the tensors of a run, of which the largest sum counts. */
  readonly peaks: readonly Bytes[]
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

/** The model as `description` of index.js tells of it: to users in plain words, here as the compiler has it. */
export interface Description extends Omit<PublicDescription, 'condition' | 'diffusion' | 'sampling'> {
  readonly condition: Condition | null
  readonly diffusion: Diffusion
  readonly sampling: Sampling
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
