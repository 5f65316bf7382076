/** The manifest beside a compiled model: all that a deployer needs to know without mdmc. */
import { microDefaults } from '../../compiler/build/denoiser.js'
import { resolutionName } from '../../compiler/build/nest.js'
import { schedulesOf, signalScales } from '../../compiler/build/schedule.js'
import { partsOf, type Model } from '../../compiler/check/model.js'
import { showDimension } from '../../compiler/ir/dimension.js'
import type { Graph } from '../../compiler/ir/graph.js'
import type { LoweringOptions } from './emitter.js'
import type { OnnxModel, ValueInfo } from './model.js'

export interface ManifestFile {
  /**
   * `denoiser` predicts; `condition` runs once per prompt where the model was split; `sampler` makes whole images;
   * `training` gives the loss and its gradients, and takes the parameters as inputs.
   */
  readonly role: 'denoiser' | 'condition' | 'sampler' | 'training'
  readonly model: OnnxModel
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
  const standard = new Map([
    ...Array.from(microDefaults(model), ([key, value]) => [`micro_${key}`, value] as const),
    ['steps', model.sampling.steps],
    ['guidance', model.sampling.guidance],
  ])
  const trained = new Set(options.parameters.map(({ name }) => name))
  const port = (role: ManifestFile['role'], { name, elementType, shape }: ValueInfo) => ({
    name,
    type: elementType,
    shape: shape.map((size) => (typeof size === 'number' ? size : showDimension(size))),
    about:
      role !== 'training' ? meaning(name, model) : trained.has(name) ? 'parameter' : meaningInTraining(name, model),
    ...(standard.has(name) ? { default: standard.get(name) } : {}),
  })
  const schedules = schedulesOf(model)
  const scales = signalScales(model)
  return {
    format: 'mdmc manifest 1',
    model: model.name,
    specHash: options.specHash,
    opset: options.opset,
    precision: options.precision,
    weights: options.weights,
    files: files.map(({ role, model: { inputs, outputs }, files: names }) => ({
      role,
      path: names[0],
      external: names.slice(1),
      inputs: inputs.map((input) => port(role, input)),
      outputs: outputs.map((output) => port(role, output)),
    })),
    resolutions: partsOf(model).map((part, r) => ({
      name: resolutionName(part),
      side: part.side,
      frames: part.frames,
      channels: part.imageChannels,
      input: `x_${resolutionName(part)}`,
      prediction: `pred_${resolutionName(part)}`,
      /** gamma = alpha^2 by step, from clean to noisy. */
      gammas: Array.from(schedules[r] ?? []),
      signalScale: scales[r] ?? 1,
    })),
    condition: model.condition ?? null,
    diffusion: model.diffusion,
    sampling: model.sampling,
    parameters: options.parameters.map(({ name, shape, trainable }) => ({ name, shape, trainable })),
  }
}

const meanings: readonly [prefix: string, (model: Model) => string][] = [
  ['x_', () => 'the noisy image; to begin with, standard normal noise'],
  ['noise_', () => 'standard normal noise that the steps add; what the last step is given counts for nothing'],
  ['times', () => 'place in the schedule of each image, counted from 0'],
  ['text_mask', () => '1 for tokens, 0 for padding'],
  ['text', () => 'features of the text encoder'],
  ['label', () => 'number of the class'],
  ['negative_', () => 'the same of what guidance leads away from, such as the empty prompt'],
  ['micro_', () => 'micro-condition'],
  ['guidance', () => 'scale of classifier-free guidance; 1 is none'],
  ['steps', ({ diffusion }) => `how many steps to take, from 1 to ${diffusion.steps}`],
  ['pred_', ({ diffusion }) => `prediction of ${diffusion.predict}`],
  ['image_', () => 'the image, within -1 and 1'],
]

const meaningsInTraining: typeof meanings = [
  ['images', () => 'images of the highest resolution, within -1 and 1'],
  ['times', ({ diffusion }) => `step of each image, drawn from 0 to ${diffusion.steps - 1}`],
  ['noise_', () => 'standard normal noise, drawn anew'],
  ['dropout.', () => 'what dropout decides by: drawn uniformly from 0 to 1'],
  ['loss_scale', () => 'what the loss is multiplied by before its gradients are taken'],
  ['losses', () => 'loss of each image: the weighted sum over its resolutions'],
  ['loss_', () => 'loss of each image at this resolution'],
  ['loss', () => 'mean of the losses'],
  ['gradient.', () => 'gradient of the loss with respect to the parameter'],
]

function meaningInTraining(name: string, model: Model): string | undefined {
  return meaningsInTraining.find(([prefix]) => name.startsWith(prefix))?.[1](model) ?? meaning(name, model)
}

/** What an input or output is, in words; values that pass from one file to another have none. */
function meaning(name: string, model: Model): string | undefined {
  return meanings.find(([prefix]) => name.startsWith(prefix))?.[1](model)
}
