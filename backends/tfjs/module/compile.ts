/** Writes a model as a folder: an ES module for tfjs, with its weights. */
import { join } from 'node:path'
import { resolutionName } from '../../../compiler/build/nest.js'
import { conditionNames, microDefaults } from '../../../compiler/build/denoiser.js'
import { buildSolverStep } from '../../../compiler/build/sampler.js'
import { processOf } from '../../../compiler/build/schedule.js'
import { partsOf, type Model } from '../../../compiler/check/model.js'
import type { Graph } from '../../../compiler/ir/graph.js'
import { inference } from '../../../compiler/passes/index.js'
import { splitAfter } from '../../../compiler/passes/split.js'
import { gradientName } from '../../../compiler/training.js'
import { makeFolder } from '../../../files/folder.js'
import { writeWhole } from '../../../files/whole.js'
import { specHash } from '../../spec_hash.js'
import { lower } from '../lower.js'
import { indexFile, packageFile, parametersFile } from './index_file.js'
import { programFile } from './program_file.js'
import { typesFile } from './types_file.js'

export interface ModuleOptions {
  /** Of mdmc, which becomes that of the package. */
  readonly version: string
  /** The files that all modules have, by name. */
  readonly runtime: Readonly<Record<'runtime.js' | 'runtime.d.ts', string>>
  /** The loss, the loss with its gradients (see buildTraining), and the settings of the optimiser; undefined where there are none. */
  readonly training: { readonly loss: Graph; readonly gradients: Graph; readonly settings: object } | undefined
  /** Writes the weights; undefined: none are written. */
  readonly writeWeights: ((path: string) => Promise<void>) | undefined
}

/** Compiles a denoiser into `folder`. Returns the paths of all files. */
export async function compileToModule(
  model: Model,
  graph: Graph,
  folder: string,
  options: ModuleOptions,
): Promise<string[]> {
  await makeFolder(folder)
  const { training, writeWeights } = options
  const optimised = inference.run(graph)
  const halves = splitAfter(optimised, conditionNames)
  const solver = (guided: boolean) => buildSolverStep(processOf(model), { threshold: model.sampling.threshold, guided })
  const once = (part: Graph, about: string) => programFile(lower(part, { trains: false }), about, { trains: false })
  const anew = (part: Graph, about: string) => programFile(lower(part, { trains: true }), about, { trains: true })
  const trained = new Set(training?.gradients.outputs.map(({ name }) => name))
  const parts = {
    model,
    description: {
      name: model.name,
      specHash: specHash(model, graph),
      resolutions: partsOf(model).map((part) => ({
        name: resolutionName(part),
        side: part.side,
        frames: part.frames,
        channels: part.imageChannels,
      })),
      condition: model.condition ?? null,
      micros: Object.fromEntries(microDefaults(model)),
      diffusion: model.diffusion,
      sampling: { ...model.sampling, until: undefined },
      training: training?.settings ?? null,
    },
    hasCondition: halves !== undefined,
    hasGuidance: model.condition !== undefined,
    trains: training !== undefined,
    hasWeights: writeWeights !== undefined,
  }
  const { name } = model
  const files: Record<string, string> = {
    'package.json': packageFile(model, options.version),
    'index.js': indexFile(parts),
    'index.d.ts': typesFile(parts),
    ...options.runtime,
    'parameters.js': parametersFile(
      graph.parameters,
      new Set(graph.parameters.map((parameter) => parameter.name).filter((own) => trained.has(gradientName(own)))),
    ),
    ...(halves && { 'condition.js': once(halves.once, `What the network of ${name} makes of its condition alone.`) }),
    'network.js': once(halves?.rest ?? optimised, `The network of ${name}: from noisy images to its predictions.`),
    'solver.js': once(solver(false), `A step of the solver of ${name}: from predictions to the next images.`),
    ...(model.condition && {
      'guided_solver.js': once(solver(true), `As solver.js, from predictions without condition, and with it.`),
    }),
    ...(training && {
      'loss.js': anew(training.loss, `The loss of ${name}, from images and noise.`),
      'training.js': anew(training.gradients, `The loss of ${name} with its gradients.`),
    }),
  }
  const paths: string[] = []
  for (const [file, text] of Object.entries(files)) {
    paths.push(join(folder, file))
    await writeWhole(join(folder, file), text)
  }
  if (writeWeights === undefined) return paths
  const path = join(folder, 'weights.safetensors')
  await writeWeights(path)
  return [...paths, path]
}
