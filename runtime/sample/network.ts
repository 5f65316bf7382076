/** One step of a model as something that runs: as one graph made from a spec, or from files that were compiled. */
import type { Engine, EngineOptions, ParameterValues, Session } from '../../backends/engine.js'
import { conditionNames } from '../../compiler/build/denoiser.js'
import { buildSamplerStep, buildSolverStep, type SamplerOptions } from '../../compiler/build/sampler.js'
import type { Process } from '../../compiler/build/schedule.js'
import type { Model } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { inference } from '../../compiler/passes/index.js'
import { splitAfter } from '../../compiler/passes/split.js'

type Tensors = Readonly<Record<string, Tensor>>

/** Inputs and outputs are those of buildSamplerStep. */
export interface StepNetwork {
  /** What depends on the condition alone, computed once per batch; to be handed to every step. */
  condition(given: Tensors): Promise<Tensors>
  step(inputs: Tensors): Promise<Tensors>
  dispose(): Promise<void>
}

/** The step of a checked model on an engine. */
export async function networkOfModel(
  model: Model,
  weights: ParameterValues,
  step: SamplerOptions,
  engine: Engine,
  options: EngineOptions,
  report: Report,
): Promise<StepNetwork> {
  const graph = inference.run(buildSamplerStep(model, report, step))
  const halves = splitAfter(graph, conditionNames)
  const once = halves && (await engine.prepare(halves.once, weights, options))
  const session = await engine.prepare(halves?.rest ?? graph, weights, options)
  const wanted = (halves?.rest ?? graph).inputs.map(({ name }) => name)
  return {
    condition: (given) => joined(given, once, wanted),
    step: (inputs) => session.run(inputs),
    dispose: () => released([once, session]),
  }
}

/** A denoiser that is compiled already, and what must be handed to it. */
export interface CompiledFiles {
  readonly denoiser: Session
  /** Names of the denoiser's inputs. */
  readonly inputs: readonly string[]
  /** Present where the model was compiled with `--split`. */
  readonly condition: Session | undefined
}

/** The solver of compiled files on an engine (see buildSolverStep). */
export function solverOf(
  process: Process,
  step: SamplerOptions,
  engine: Engine,
  options: EngineOptions,
): Promise<Session> {
  const nothing: ParameterValues = { read: async () => new Float32Array() }
  return engine.prepare(inference.run(buildSolverStep(process, step)), nothing, options)
}

/** The step of files that are compiled, with a solver for them. */
export function networkOfFiles(
  { denoiser, inputs: wanted, condition }: CompiledFiles,
  solver: Session,
  { guided }: Pick<SamplerOptions, 'guided'>,
): StepNetwork {
  return {
    condition: (given) => joined(given, condition, wanted),
    step: async (inputs) => {
      const isImage = (name: string) => name === 'times' || name.startsWith('x_')
      const given = wanted.flatMap((name) => {
        const tensor = inputs[name]
        if (tensor === undefined) return []
        return [[name, guided && isImage(name) ? twice(tensor) : tensor] as const]
      })
      const predictions = await denoiser.run(Object.fromEntries(given))
      const state = Object.entries(inputs).filter(([name]) =>
        /^(x|previous|noise)_|^(coefficients|guidance)$/.test(name),
      )
      return solver.run({ ...Object.fromEntries(state), ...predictions })
    },
    dispose: () => released([condition, denoiser, solver]),
  }
}

/** The condition as the step wants it: what it reads itself, and what is worked out beforehand. */
async function joined(given: Tensors, once: Session | undefined, wanted: readonly string[]): Promise<Tensors> {
  const read = Object.entries(given).filter(([name]) => wanted.includes(name))
  return { ...Object.fromEntries(read), ...(once ? await once.run(given) : {}) }
}

/** The rows of a tensor, and all of them again. */
function twice({ shape, data }: Tensor): Tensor {
  const doubled = new Float32Array(2 * data.length)
  doubled.set(data)
  doubled.set(data, data.length)
  return { shape: [2 * (shape[0] ?? 1), ...shape.slice(1)], data: doubled }
}

async function released(sessions: readonly (Session | undefined)[]): Promise<void> {
  for (const session of sessions) await session?.dispose()
}
