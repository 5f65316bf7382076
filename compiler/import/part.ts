/** One UNet of a configuration, and what is nested in it. Defaults are the reference's. */
import type { Report, Span } from '../diagnostics/diagnostic.js'
import * as say from '../diagnostics/import.js'
import { readMicros, type ReferenceMicro } from './micros.js'
import type { Settings } from './settings.js'

/** One UNet of a nest. */
export interface ReferencePart {
  readonly channels: readonly number[]
  readonly blocks: readonly number[]
  /** Attention blocks per residual block at each level, 0 where `attention_levels` leaves the level out. */
  readonly attention: readonly number[]
  readonly temporalAttention: readonly number[]
  readonly embedding: number | undefined
  /** -1 without a condition. */
  readonly conditionWidth: number
  readonly project: number
  readonly textLayers: number
  readonly masked: boolean
  readonly middle: boolean
  readonly ownCondition: boolean
  readonly micros: readonly ReferenceMicro[]
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
  /** Where a setting stands, for diagnostics. */
  readonly place: (key: string) => Span
}

/** The part and all that are nested in it, outermost first. */
export function partsOf(part: ReferencePart): ReferencePart[] {
  return part.inner ? [part, ...partsOf(part.inner)] : [part]
}

/** Whether the levels of a part halve the number of frames. */
export function halvesFrames(part: ReferencePart): boolean {
  return part.temporal && !part.temporalSpace
}

/** What a part takes from outside. */
export interface PartContext {
  readonly width: number
  /** 1 for the outermost. */
  readonly depth: number
  /** Number of parts that the file's name for the network promises. */
  readonly parts: number | undefined
}

/** More than any network has; an alias may nest a part in itself. */
const mostParts = 16

/** Reads a part. Who calls reports the settings of `r` that are left, for it may have read some itself. */
export function readPart(r: Settings, context: PartContext, report: Report): ReferencePart {
  const { width, depth } = context
  const nests = r.has('inner_config')
  checkDepth(r, nests, context, report)
  const given = r.list('resolution_channels', { minimum: 1, maximum: 65_536 })
  const channels = given ?? [128, 256, 256, 512, 1024]
  if (channels.length === 0)
    report(
      say.wrongSetting({ key: 'resolution_channels', expected: 'one number at least', found: 'an empty list' }),
      r.span('resolution_channels'),
    )
  // Where the channels could not be read, nothing can be said of what must fit to them.
  const comparable = channels.length > 0 && (given !== undefined || !r.given('resolution_channels'))
  const perLevel = (key: string, fallback: number, minimum: number, nullable = false) => {
    const list = r.list(key, { minimum, maximum: 64, nullable }) ?? [fallback]
    if (comparable && list.length !== 1 && list.length !== channels.length)
      report(say.settingLength({ key, given: list.length, expected: channels.length }), r.span(key))
    return channels.map((_, i) => (list.length === 1 ? list[0] : list[i]) ?? fallback)
  }
  const attentionLevels = r.list('attention_levels') ?? [2, 3]
  r.whole('conditioning_feature_dim')
  checkNesting(r, depth > 1, report)
  const part: Omit<ReferencePart, 'inner'> = {
    channels,
    blocks: perLevel('num_resnets_per_resolution', 2, 1),
    attention: perLevel('num_attention_layers', 1, 0).map((layers, i) => (attentionLevels.includes(i) ? layers : 0)),
    temporalAttention: perLevel('num_temporal_attention_layers', 0, 0, true),
    embedding: r.whole('temporal_dim', { minimum: 1, maximum: 65_536, nullable: true }),
    conditionWidth: width,
    project: r.whole('conditioning_feature_proj_dim', { maximum: 65_536 }) ?? -1,
    textLayers: r.whole('num_lm_head_layers', { minimum: 0, maximum: 256 }) ?? 0,
    masked: r.flag('masked_cross_attention') ?? true,
    middle: !(r.flag('skip_mid_blocks') ?? nests),
    ownCondition: !(r.flag('skip_cond_emb') ?? nests),
    micros: readMicros(r, report),
    ...readResidual(r, report),
    temporal: r.flag('temporal_mode') ?? false,
    temporalSpace: r.flag('temporal_spatial_ds') ?? false,
    rotary: r.flag('temporal_positional_encoding') ?? false,
    ...(nests ? readNest(r, report) : unnested),
    place: (key) => r.span(key),
  }
  const section = depth < mostParts ? r.section('inner_config') : undefined
  const inner = section && readPart(section, { ...context, depth: depth + 1 }, report)
  section?.finish()
  return { ...part, inner }
}

type NestSettings = Pick<ReferencePart, 'features' | 'normalize' | 'pretrained' | 'frozen' | 'interpolation'>

const unnested: NestSettings = {
  features: true,
  normalize: false,
  pretrained: undefined,
  frozen: false,
  interpolation: false,
}

/** Settings that only a part with another one in it has. */
function readNest(r: Settings, report: Report): NestSettings {
  const pretrained = r.text('initialize_inner_with_pretrained')
  if (pretrained !== undefined && (/[\x00-\x1f\x7f-\x9f]/.test(pretrained) || pretrained.length > 1024))
    report(
      say.wrongSetting({ key: 'initialize_inner_with_pretrained', expected: 'a path on one line', found: 'this text' }),
      r.span('initialize_inner_with_pretrained'),
    )
  return {
    features: !(r.flag('skip_inner_unet_input') ?? false),
    normalize: !(r.flag('skip_normalization') ?? false),
    pretrained,
    frozen: r.flag('freeze_inner_unet') ?? false,
    interpolation: r.flag('interp_conditioning') ?? false,
  }
}

function readResidual(r: Settings, report: Report): Pick<ReferencePart, 'groups' | 'dropout' | 'feedForward'> {
  const resnet = r.section('resnet_config')
  for (const key of ['num_channels', 'output_channels']) {
    if ((resnet?.whole(key) ?? -1) > 0)
      report(
        say.notRunnable({
          setting: `\`${key}\``,
          reason: 'every block takes its channels from `resolution_channels`, whatever stands here',
          help: 'set it to -1',
        }),
        resnet?.span(key),
      )
  }
  const result = {
    groups: resnet?.whole('num_groups_norm', { minimum: 1, maximum: 65_536 }) ?? 32,
    dropout: resnet?.number('dropout', { minimum: 0, maximum: 0.999 }) ?? 0,
    feedForward: resnet?.flag('use_attention_ffn') ?? false,
  }
  resnet?.finish()
  return result
}

function checkNesting(r: Settings, nested: boolean, report: Report): void {
  const nesting = r.flag('nesting') ?? nested
  if (nesting === nested) return
  const finding = nested
    ? say.notRunnable({
        setting: '`nesting: false` in a nested part',
        reason: 'such a part could neither take features nor hand any back',
        help: 'set `nesting: true`',
      })
    : say.notRunnable({
        setting: '`nesting: true` in the outermost part',
        reason: 'such a part takes features from a part around it',
        help: 'set `nesting: false`',
      })
  report(finding, r.span('nesting'))
}

function checkDepth(r: Settings, nests: boolean, { depth, parts }: PartContext, report: Report): void {
  if (depth === mostParts && nests)
    report(
      say.notRunnable({
        setting: `a nest of more than ${mostParts} parts`,
        reason: 'no image has so many resolutions; an alias may nest a part in itself',
        help: 'write fewer parts',
      }),
      r.span('inner_config'),
    )
  if (parts === undefined) return
  const network = `\`model\` promises a network of ${parts} ${parts === 1 ? 'part' : 'parts'}`
  if (depth < parts && !nests) r.missing('inner_config', network)
  if (depth === parts && nests)
    report(
      say.notRunnable({
        setting: '`inner_config` of this part',
        reason: network,
        help: 'write nested_unet for two parts, nested2_unet for three, nested3_unet for four, nested4_unet for five',
      }),
      r.keySpan('inner_config'),
    )
}
