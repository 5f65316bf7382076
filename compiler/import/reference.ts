/** The configuration of the reference implementation (its YAML files), read into plain values. */
import type { Report } from '../diagnostics/diagnostic.js'
import * as say from '../diagnostics/import.js'
import { nearestName } from '../diagnostics/suggest.js'
import { hasProcess, readProcess, type ReferenceDiffusion } from './process.js'
import { partsOf, readPart, type ReferencePart } from './part.js'
import { checkRunnable } from './runnable.js'
import { Settings } from './settings.js'
import { readYaml } from './yaml.js'

export interface Reference {
  readonly name: string | undefined
  readonly unet: ReferencePart
  /** Undefined where the file says nothing of it. */
  readonly diffusion: ReferenceDiffusion | undefined
  readonly categorical: boolean
  /** Side of the image in pixels; of the grid of frames for a video. */
  readonly side: number | undefined
  /** Whether the file is a whole configuration, which usually says more than the network. */
  readonly whole: boolean
  /** Settings of the file that do not describe the model, and are not carried over. */
  readonly leftOut: readonly string[]
  /** Settings of the model outside their section, where the reference does not read them either. */
  readonly misplaced: readonly string[]
}

/** Features per token of the text models that configurations name. */
const textWidths: ReadonlyMap<string, number> = new Map([
  ['google/flan-t5-small', 512],
  ['google/flan-t5-base', 768],
  ['google/flan-t5-large', 1024],
  ['google/flan-t5-xl', 2048],
  ['google/flan-t5-xxl', 4096],
  ['google/t5-v1_1-small', 512],
  ['google/t5-v1_1-base', 768],
  ['google/t5-v1_1-large', 1024],
  ['google/t5-v1_1-xl', 2048],
  ['google/t5-v1_1-xxl', 4096],
  ['t5-small', 512],
  ['t5-base', 768],
  ['t5-large', 1024],
  ['t5-3b', 1024],
  ['t5-11b', 1024],
])

/** The reference's names for networks, and how many parts each has. */
const networks: ReadonlyMap<string, number> = new Map([
  ['unet', 1],
  ['nested_unet', 2],
  ['nested2_unet', 3],
  ['nested3_unet', 4],
  ['nested4_unet', 5],
])

/** Keys of the outermost mapping that decide what the network computes: a misspelt one must not pass as unknown. */
const decisive = ['unet_config', 'diffusion_config', 'categorical_conditioning', 'text_model']

/** Settings of sections that older files repeat beside them. */
const sectionKeys: ReadonlySet<string> = new Set([
  ...['num_diffusion_steps', 'schedule_type', 'beta_start', 'beta_end', 'prediction_type', 'loss_target_type'],
  ...['threshold_function', 'reproject_signal', 'rescale_schedule', 'rescale_signal', 'schedule_shifted'],
  ...['schedule_shifted_power', 'model_output_scale', 'use_vdm_loss_weights', 'use_double_loss', 'no_use_residual'],
  ...['multi_res_weights', 'mixed_ratio', 'use_random_interp', 'skip_normalization'],
])

/**
 * Reads a configuration file. The network may stand under `unet_config` (as in the reference's own files), under
 * `reference_config` (as in recorded cases), or be the whole file.
 */
export function readReference(file: string, text: string, report: Report): Reference | undefined {
  const yaml = readYaml(file, text, report)
  if (yaml === undefined) return undefined
  const top = new Settings(yaml, file, report)
  const recorded = top.section('reference_config')
  const alone = top.has('resolution_channels') || top.has('inner_config') ? top : undefined
  const configured = top.section('unet_config')
  const network = configured ?? recorded ?? alone
  if (network === undefined) {
    report(say.noConfiguration(), top.span())
    return undefined
  }
  const categorical = top.has('categorical_conditioning') && (top.flag('categorical_conditioning') ?? false)
  const width = conditionWidth(network, top, categorical, report)
  const name = top.text('name')
  const side = readSide(top)
  const parts = depthOf(top, report)
  const unet = readPart(network, { width, depth: 1, parts }, report)
  const diffusion = hasProcess(top) ? readProcess(top, partsOf(unet).length, report) : undefined
  network.finish()
  checkRunnable(unet, categorical, report)
  if (configured) for (const key of top.unasked()) refuseNearMiss(top, key, report)
  const whole = configured !== undefined
  const rest = whole ? top.unasked() : []
  const misplaced = rest.filter((key) => sectionKeys.has(key))
  const leftOut = rest.filter((key) => !sectionKeys.has(key))
  return { name, unet, diffusion, categorical, side, whole, leftOut, misplaced }
}

function refuseNearMiss(top: Settings, key: string, report: Report): void {
  const near = nearestName(key, decisive)
  if (key === '<<' || key === '[...]' || (near !== undefined && !top.given(near)))
    report(say.unknownSetting({ key, known: decisive }), top.keySpan(key))
}

/** Side of the image: what is trained on, else what is sampled; -1 stands for neither. */
function readSide(top: Settings): number | undefined {
  const given = [
    top.section('reader_config')?.whole('image_size'),
    top.whole('sample_image_size'),
    top.whole('image_size'),
    top.list('sizes')?.[0],
  ]
  return given.find((side) => side !== undefined && side > 0)
}

/** How many parts the file's name for the network promises. */
function depthOf(top: Settings, report: Report): number | undefined {
  const key = ['model', 'vision_model'].findLast((candidate) => top.has(candidate)) ?? 'model'
  const name = top.has(key) ? top.text(key) : undefined
  if (name === undefined) return undefined
  const depth = networks.get(name)
  if (depth === undefined)
    report(
      say.wrongSetting({ key, expected: [...networks.keys()].join(', '), found: JSON.stringify(name) }),
      top.span(key),
    )
  return depth
}

/** Width of the condition; -1 without one. */
function conditionWidth(network: Settings, top: Settings, categorical: boolean, report: Report): number {
  const given = network.whole('conditioning_feature_dim', { maximum: 65_536 }) ?? -1
  const model = categorical ? undefined : top.text('text_model')
  const width = model === undefined ? undefined : textWidths.get(model)
  if (given > 0) {
    if (model !== undefined && width !== undefined && width !== given)
      report(
        say.differsFromReference({
          what: `the text has ${given} features here, but ${width} with ${model}`,
          reason:
            'the reference implementation takes the width of `text_model` whatever `conditioning_feature_dim` says',
          help: 'set `conditioning_feature_dim: -1`, or give the `text_model` that belongs to it',
        }),
        network.span('conditioning_feature_dim'),
      )
    return given
  }
  if (categorical) report(say.unknownClasses(), network.span('conditioning_feature_dim'))
  else if (model !== undefined && width === undefined)
    report(say.unknownTextModel({ model: model.slice(0, 80), known: [...textWidths.keys()] }), top.span('text_model'))
  return width ?? -1
}
