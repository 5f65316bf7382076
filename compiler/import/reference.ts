/** The configuration of the reference implementation (its YAML files), read into plain values. */
import { LineCounter, isMap, parseDocument } from 'yaml'
import type { Report } from '../diagnostics/diagnostic.js'
import * as say from '../diagnostics/import.js'
import { Settings } from './settings.js'

/** One UNet of a nest. */
export interface ReferencePart {
  readonly channels: readonly number[]
  readonly blocks: readonly number[]
  /** Attention blocks per residual block at each level, 0 where `attention_levels` leaves the level out. */
  readonly attention: readonly number[]
  readonly temporalAttention: readonly number[]
  readonly embedding: number | undefined
  readonly conditionWidth: number
  readonly project: number
  readonly textLayers: number
  readonly masked: boolean
  readonly middle: boolean
  readonly ownCondition: boolean
  readonly micros: readonly { readonly key: string; readonly default: number }[]
  readonly groups: number
  readonly dropout: number
  readonly feedForward: boolean
  /** Levels halve the frames. */
  readonly temporal: boolean
  /** Levels halve the side of every frame. */
  readonly temporalSpace: boolean
  readonly rotary: boolean
  readonly features: boolean
  readonly normalize: boolean
  readonly pretrained: string | undefined
  readonly frozen: boolean
  readonly interpolation: boolean
  readonly inner: ReferencePart | undefined
}

export interface ReferenceDiffusion {
  readonly steps: number
  readonly schedule: string
  readonly beta: readonly [number, number]
  readonly shift: number
  readonly shifted: boolean
  readonly power: number
  readonly signalScale: number
  readonly predict: string
  readonly measure: string | undefined
  readonly threshold: string
  readonly outputScale: number
  readonly vdmWeights: boolean
  readonly allResolutions: boolean
  readonly weights: string | undefined
  readonly mix: string | undefined
  readonly randomInterpolation: boolean
  readonly frameChoice: 'first' | 'random' | 'average' | 'middle'
}

export interface Reference {
  readonly name: string | undefined
  readonly unet: ReferencePart
  readonly diffusion: ReferenceDiffusion | undefined
  readonly categorical: boolean
  /** Side of the image in pixels; of the grid of frames for a video. */
  readonly side: number | undefined
  /** Settings of the file that concern data and training, and are not carried over. */
  readonly leftOut: readonly string[]
}

/** Features per token of the text models that configurations name. */
const textWidths: Readonly<Record<string, number>> = {
  'google/flan-t5-small': 512,
  'google/flan-t5-base': 768,
  'google/flan-t5-large': 1024,
  'google/flan-t5-xl': 2048,
  'google/flan-t5-xxl': 4096,
  'google/t5-v1_1-small': 512,
  'google/t5-v1_1-base': 768,
  'google/t5-v1_1-large': 1024,
  'google/t5-v1_1-xl': 2048,
  'google/t5-v1_1-xxl': 4096,
  't5-small': 512,
  't5-base': 768,
  't5-large': 1024,
  't5-3b': 1024,
  't5-11b': 1024,
}

/**
 * Reads a configuration file. The network may stand under `unet_config` (as in the reference's own files), under
 * `reference_config` (as in recorded cases), or be the whole file.
 */
export function readReference(file: string, text: string, report: Report): Reference | undefined {
  const document = parseDocument(text, { lineCounter: new LineCounter(), maxAliasCount: 0, uniqueKeys: true } as Parameters<typeof parseDocument>[1])
  for (const error of document.errors) report(say.badYaml({ problem: error.message.split('\n')[0] ?? '' }), { file, start: error.pos[0], end: Math.max(error.pos[0] + 1, error.pos[1]) })
  if (document.errors.length > 0) return undefined
  if (!isMap(document.contents)) {
    report(say.noConfiguration(), { file, start: 0, end: 1 })
    return undefined
  }
  const top = new Settings(document.contents, file, report)
  const network = top.section('unet_config') ?? top.section('reference_config') ?? (top.has('resolution_channels') ? top : undefined)
  if (network === undefined) {
    report(say.noConfiguration(), top.span())
    return undefined
  }
  const categorical = top.flag('categorical_conditioning') ?? false
  const width = conditionWidth(network, top, categorical, report)
  const unet = readPart(network, width, undefined, report)
  const diffusion = top.section('diffusion_config')
  return {
    name: top.text('name'),
    unet,
    diffusion: diffusion && readDiffusion(diffusion, top, unet.inner !== undefined, report),
    categorical,
    side: top.section('reader_config')?.whole('image_size') ?? top.whole('sample_image_size') ?? top.whole('image_size') ?? top.list('sizes')?.[0],
    leftOut: network === top ? [] : top.unasked(),
  }
}

function conditionWidth(network: Settings, top: Settings, categorical: boolean, report: Report): number {
  const given = network.whole('conditioning_feature_dim') ?? -1
  if (given > 0) return given
  if (categorical) {
    report(say.unknownClasses(), network.span('conditioning_feature_dim'))
    return -1
  }
  const model = top.text('text_model')
  if (model === undefined) return -1
  const width = Object.entries(textWidths).find(([name]) => name === model)?.[1]
  if (width === undefined) report(say.unknownTextModel({ model, known: Object.keys(textWidths) }), top.span('text_model'))
  return width ?? -1
}

function readPart(r: Settings, width: number, outer: ReferencePart | undefined, report: Report): ReferencePart {
  r.require('resolution_channels')
  const channels = r.list('resolution_channels') ?? [1]
  const count = channels.length
  const perLevel = (key: string, fallback: number): number[] => {
    const list = r.list(key, count) ?? new Array<number>(count).fill(fallback)
    if (list.length !== count) report(say.settingLength({ key, given: list.length, expected: count }), r.span(key))
    return Array.from({ length: count }, (_, i) => list[i] ?? fallback)
  }
  const attentionLevels = r.list('attention_levels') ?? (r.has('attention_levels') ? [] : [2, 3])
  const layers = perLevel('num_attention_layers', 1)
  r.whole('conditioning_feature_dim')
  const resnet = r.section('resnet_config')
  const part: Omit<ReferencePart, 'inner'> = {
    channels,
    blocks: perLevel('num_resnets_per_resolution', 2),
    attention: layers.map((attention, i) => (attentionLevels.includes(i) ? attention : 0)),
    temporalAttention: perLevel('num_temporal_attention_layers', 0),
    embedding: r.whole('temporal_dim'),
    conditionWidth: width,
    project: r.whole('conditioning_feature_proj_dim') ?? -1,
    textLayers: r.whole('num_lm_head_layers') ?? 0,
    masked: r.flag('masked_cross_attention') ?? true,
    middle: !(r.flag('skip_mid_blocks') ?? r.has('inner_config')),
    ownCondition: !(r.flag('skip_cond_emb') ?? r.has('inner_config')),
    micros: readMicros(r, report),
    groups: resnet?.whole('num_groups_norm') ?? 32,
    dropout: resnet?.number('dropout') ?? 0,
    feedForward: resnet?.flag('use_attention_ffn') ?? false,
    temporal: r.flag('temporal_mode') ?? false,
    temporalSpace: r.flag('temporal_spatial_ds') ?? false,
    rotary: r.flag('temporal_positional_encoding') ?? false,
    features: !(r.flag('skip_inner_unet_input') ?? false),
    normalize: !(r.flag('skip_normalization') ?? false),
    pretrained: r.text('initialize_inner_with_pretrained'),
    frozen: r.flag('freeze_inner_unet') ?? false,
    interpolation: r.flag('interp_conditioning') ?? false,
  }
  for (const key of ['num_channels', 'output_channels']) {
    const value = resnet?.whole(key) ?? -1
    if (value > 0) report(say.notRunnable({ setting: `\`${key}\``, reason: 'every block takes its channels from `resolution_channels`', help: 'set it to -1' }), resnet?.span(key))
  }
  resnet?.finish()
  const nesting = r.flag('nesting')
  if (nesting === true && !outer) report(say.notRunnable({ setting: '`nesting: true` in the outermost part', reason: 'such a part takes features from a part around it', help: 'set `nesting: false`' }), r.span('nesting'))
  if (nesting === false && outer) report(say.notRunnable({ setting: '`nesting: false` in a nested part', reason: 'such a part could neither take features nor hand any back', help: 'set `nesting: true`' }), r.span('nesting'))
  checkRunnable(r, part, report)
  const section = r.section('inner_config')
  // The reference hands its own width on to the nested part, after its projection where it has one.
  const handed = width > 0 && part.project > 0 ? part.project : width
  if (section && handed !== width) report(say.notRunnable({ setting: 'a projection in an outer part', reason: 'the nested part would expect projected text, but is given the text itself', help: 'set `conditioning_feature_proj_dim: -1` in the outer part' }), r.span('conditioning_feature_proj_dim'))
  const result = { ...part, inner: undefined }
  const inner = section && readPart(section, width, result, report)
  if (r.has('resolution_channels') && !r.has('unet_config')) finishPart(r)
  return { ...part, inner }
}

/** A file that is one network has settings of other kinds beside it, which the caller reads. */
function finishPart(r: Settings): void {
  for (const key of ['name', 'diffusion_config', 'reader_config', 'categorical_conditioning', 'text_model', 'sample_image_size', 'image_size', 'sizes']) r.has(key)
  r.finish()
}

function checkRunnable(r: Settings, part: Omit<ReferencePart, 'inner'>, report: Report): void {
  if (part.temporalSpace && !part.temporal) report(say.notRunnable({ setting: '`temporal_spatial_ds` without `temporal_mode`', reason: 'it says how the levels of a video part halve', help: 'set `temporal_mode: true`' }), r.span('temporal_spatial_ds'))
  if (part.temporalSpace && part.temporalAttention.some((layers) => layers > 0)) {
    report(say.notRunnable({ setting: 'attention over time with `temporal_spatial_ds`', reason: 'the reference implementation makes no such layers and fails', help: 'set `num_temporal_attention_layers: null`' }), r.span('num_temporal_attention_layers'))
  }
  const innermost = !r.has('inner_config')
  if (innermost && !part.ownCondition && part.conditionWidth > 0) {
    report(say.notRunnable({ setting: '`skip_cond_emb` in the innermost part', reason: 'the condition enters there; the reference implementation fails without its layers', help: 'set `skip_cond_emb: false`' }), r.span('skip_cond_emb'))
  }
}

/** `scale:64,watermark:0`. */
function readMicros(r: Settings, report: Report): { key: string; default: number }[] {
  const text = r.text('micro_conditioning')
  if (text === undefined) return []
  return text.split(',').flatMap((item) => {
    const [, key, value] = /^\s*([A-Za-z_]\w*)\s*:\s*(-?[\d.]+(?:[eE][+-]?\d+)?)\s*$/.exec(item) ?? []
    if (key !== undefined && Number.isFinite(Number(value))) return [{ key, default: Number(value) }]
    report(say.wrongSetting({ key: 'micro_conditioning', expected: 'NAME:DEFAULT, separated by commas', found: JSON.stringify(item) }), r.span('micro_conditioning'))
    return []
  })
}

const predictions: Readonly<Record<string, string>> = { DDPM: 'noise', DDIM: 'noise', V_PREDICTION: 'v' }
const schedules: Readonly<Record<string, string>> = { COSINE: 'cosine', DDPM: 'ddpm', DEEPFLOYD: 'deepfloyd', SIGMOID: 'sigmoid' }
const thresholds: Readonly<Record<string, string>> = { NONE: 'none', CLIP: 'clip', DYNAMIC: 'dynamic', DYNAMIC_IF: 'bounded' }

/** What a file leaves out has the reference's own default, which is not always the paper's choice. */
function readDiffusion(r: Settings, top: Settings, nested: boolean, report: Report): ReferenceDiffusion {
  const sampler = r.section('sampler_config')
  const choice = (key: string, words: Readonly<Record<string, string>>): string | undefined => {
    const text = sampler?.text(key)
    if (text === undefined) return undefined
    const word = Object.entries(words).find(([name]) => name === text.toUpperCase())?.[1]
    if (word === undefined) report(say.wrongSetting({ key, expected: Object.keys(words).join(', '), found: JSON.stringify(text) }), sampler?.span(key))
    return word
  }
  // Older files give some settings of the loss beside `diffusion_config` instead of in it.
  const either = <T>(read: (settings: Settings) => T | undefined): T | undefined => read(r) ?? read(top)
  const residual = either((s) => s.flag('no_use_residual'))
  if (nested && residual === false) report(say.notRunnable({ setting: '`no_use_residual: false`', reason: 'the reference implementation has no working residual prediction between resolutions', help: 'set `no_use_residual: true`' }), r.span('no_use_residual'))
  if (sampler?.flag('reproject_signal')) report(say.notRunnable({ setting: '`reproject_signal`', reason: 'the reference implementation reads it nowhere', help: 'remove it' }), sampler.span('reproject_signal'))
  const frames = (['random', 'average', 'mid'] as const).filter((kind) => r.flag(`${kind}_downsample`))
  const result: ReferenceDiffusion = {
    steps: sampler?.whole('num_diffusion_steps') ?? 32,
    schedule: choice('schedule_type', schedules) ?? 'ddpm',
    beta: [sampler?.number('beta_start') ?? 1e-4, sampler?.number('beta_end') ?? 0.02],
    shift: sampler?.number('rescale_schedule') ?? 1,
    shifted: sampler?.flag('schedule_shifted') ?? false,
    power: sampler?.number('schedule_shifted_power') ?? 1,
    signalScale: sampler?.number('rescale_signal') ?? 1,
    predict: choice('prediction_type', predictions) ?? 'noise',
    measure: choice('loss_target_type', predictions),
    threshold: choice('threshold_function', thresholds) ?? 'clip',
    outputScale: r.number('model_output_scale') ?? 0,
    vdmWeights: r.flag('use_vdm_loss_weights') ?? true,
    allResolutions: either((s) => s.flag('use_double_loss')) ?? false,
    weights: either((s) => s.text('multi_res_weights')),
    mix: either((s) => s.text('mixed_ratio')),
    randomInterpolation: r.flag('use_random_interp') ?? false,
    frameChoice: frames[0] === 'mid' ? 'middle' : (frames[0] ?? 'first'),
  }
  sampler?.finish()
  r.finish()
  return result
}
