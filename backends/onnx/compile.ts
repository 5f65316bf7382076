/** Writes a model as a folder for deployment: ONNX files, their weights, and the manifest. */
import { basename, join } from 'node:path'
import { conditionNames } from '../../compiler/build/denoiser.js'
import type { Model } from '../../compiler/check/model.js'
import type { Graph } from '../../compiler/ir/graph.js'
import { splitAfter } from '../../compiler/passes/split.js'
import { makeFolder } from '../../files/folder.js'
import { writeWhole } from '../../files/whole.js'
import type { ParameterValues } from '../engine.js'
import { specHash } from '../spec_hash.js'
import type { LoweringOptions } from './emitter.js'
import { lower, passesFor } from './lower.js'
import { manifest, type ManifestFile } from './manifest.js'
import type { OnnxModel } from './model.js'
import { lowerSampler } from './sampler.js'
import { writeModel, writeStructure } from './write.js'

export interface CompileOptions extends LoweringOptions {
  /** Whether what depends on the condition alone becomes a file of its own. */
  readonly split: boolean
  /** One step of sampling (see `buildSamplerStep`), where a whole sampler is wanted as a file of its own. */
  readonly samplerStep?: Graph
  /** The loss with its gradients (see `buildTraining`), where that is wanted as a file of its own. */
  readonly training?: Graph
  /** Weights and what they are, in words; undefined: only the structure is written. */
  readonly weights: { readonly values: ParameterValues; readonly about: string } | undefined
}

export interface Compiled {
  /** All files, by path. */
  readonly files: readonly string[]
  readonly weightBytes: number
}

/** Compiles a denoiser into `folder`. A model without a condition is not split, whatever is asked. */
export async function compileToFolder(
  model: Model,
  graph: Graph,
  folder: string,
  options: CompileOptions,
): Promise<Compiled> {
  await makeFolder(folder)
  const hash = specHash(model, graph)
  const optimised = passesFor(options).run(graph)
  const halves = options.split ? splitAfter(optimised, conditionNames) : undefined
  const models: [ManifestFile['role'], OnnxModel][] = halves
    ? [
        ['condition', lower(halves.once, options)],
        ['denoiser', lower(halves.rest, options)],
      ]
    : [['denoiser', lower(optimised, options)]]
  if (options.samplerStep) models.push(['sampler', lowerSampler(model, options.samplerStep, options)])
  if (options.training) models.push(['training', lower(options.training, { ...options, trains: true })])
  const info = { metadata: { model: model.name, spec_hash: hash } }
  const written: ManifestFile[] = []
  let weightBytes = 0
  for (const [role, lowered] of models) {
    const path = join(folder, `${role}.onnx`)
    const result = options.weights
      ? await writeModel(lowered, options.weights.values, path, info)
      : await writeStructure(lowered, path, info)
    written.push({ role, model: lowered, files: result.files.map((file) => basename(file)) })
    weightBytes += result.weightBytes
  }
  const contents = manifest(model, written, {
    ...options,
    specHash: hash,
    weights: options.weights?.about ?? 'none',
    parameters: graph.parameters,
  })
  const path = join(folder, 'manifest.json')
  await writeWhole(path, listsOnOneLine(JSON.stringify(contents, undefined, 2)) + '\n')
  return { files: [...written.flatMap(({ files }) => files.map((file) => join(folder, file))), path], weightBytes }
}

/** Shapes and schedules read better, and take less room, each on one line. */
function listsOnOneLine(json: string): string {
  return json.replace(/\[\s*(-?\d[^[\]{}"]*?)\s*\]/g, (_, numbers: string) => `[${numbers.replace(/\s+/g, ' ')}]`)
}
