/** The manifest beside a compiled model: all that a deployer needs to know without mdmc. */
import { microDefaults } from '../../compiler/build/denoiser.js'
import { resolutionName } from '../../compiler/build/nest.js'
import { partsOf, type Model } from '../../compiler/check/model.js'
import { showDimension } from '../../compiler/ir/dimension.js'
import type { Graph, NamedValue } from '../../compiler/ir/graph.js'
import type { LoweringOptions } from './emitter.js'

export interface ManifestFile {
  /** `denoiser` predicts; `condition` runs once per prompt where the model was split. */
  readonly role: 'denoiser' | 'condition'
  readonly graph: Graph
  /** Names of the files, relative to the manifest. */
  readonly files: readonly string[]
}

export interface ManifestOptions extends LoweringOptions {
  /** SHA-256 of what the spec means. */
  readonly specHash: string
  /** Where the weights came from, in words. */
  readonly weights: string
  /** All parameters of the model, also those that no file holds because nothing reads them. */
  readonly parameters: Graph['parameters']
}

/** The manifest as a plain value for JSON. */
export function manifest(model: Model, files: readonly ManifestFile[], options: ManifestOptions) {
  const defaults = microDefaults(model)
  const port = ({ name, value: { type } }: NamedValue) => {
    const micro = name.startsWith('micro_') ? defaults.get(name.slice('micro_'.length)) : undefined
    return {
      name,
      type: type.dataType,
      shape: type.shape.map((size) => (typeof size === 'number' ? size : showDimension(size))),
      ...(micro === undefined ? {} : { default: micro }),
    }
  }
  return {
    format: 'mdmc manifest 1',
    model: model.name,
    specHash: options.specHash,
    opset: options.opset,
    precision: options.precision,
    weights: options.weights,
    files: files.map(({ role, graph, files: names }) => ({
      role,
      path: names[0],
      external: names.slice(1),
      inputs: graph.inputs.map(port),
      outputs: graph.outputs.map(port),
    })),
    resolutions: partsOf(model).map((part) => ({
      name: resolutionName(part),
      side: part.side,
      frames: part.frames,
      channels: part.imageChannels,
      input: `x_${resolutionName(part)}`,
      prediction: `pred_${resolutionName(part)}`,
    })),
    condition: model.condition ?? null,
    diffusion: model.diffusion,
    sampling: model.sampling,
    parameters: options.parameters.map(({ name, shape, trainable }) => ({ name, shape, trainable })),
  }
}
