/** Refuses configurations that the reference implementation accepts as settings, but cannot run as they stand. */
import type { Report } from '../diagnostics/diagnostic.js'
import { notRunnable } from '../diagnostics/import.js'
import { halvesFrames, partsOf, type ReferencePart } from './part.js'

export function checkRunnable(unet: ReferencePart, categorical: boolean, report: Report): void {
  const parts = partsOf(unet)
  const innermost = parts.at(-1) ?? unet
  for (const part of parts) {
    checkVideo(part, report)
    if (part.inner) checkText(part, innermost, report)
  }
  if (innermost.conditionWidth <= 0) return
  const refuse = (key: string, setting: string, reason: string, help: string) =>
    report(notRunnable({ setting, reason, help }), innermost.place(key))
  if (!innermost.ownCondition)
    refuse(
      'skip_cond_emb',
      '`skip_cond_emb` in the innermost part',
      'the condition enters there; the reference implementation fails without its layers',
      'set `skip_cond_emb: false`',
    )
  if (categorical && innermost.project > 0)
    refuse(
      'conditioning_feature_proj_dim',
      'a projection of labels',
      'a label has its table in `cond_emb`, and no text to project',
      'set `conditioning_feature_proj_dim: -1`',
    )
  if (categorical && innermost.textLayers > 0)
    refuse(
      'num_lm_head_layers',
      'self-attention over labels',
      'a label is one token, with nothing to attend to',
      'set `num_lm_head_layers: 0`',
    )
}

/** An outer part is given the text as the innermost part's layers leave it, and is built for it as it comes. */
function checkText(part: ReferencePart, innermost: ReferencePart, report: Report): void {
  const { conditionWidth: width } = part
  if (width <= 0) return
  const expected = part.project > 0 ? part.project : width
  const handed = innermost.project > 0 ? innermost.project : width
  if (expected !== width)
    report(
      notRunnable({
        setting: 'a projection in an outer part',
        reason: 'the nested part would expect projected text, but is given the text itself',
        help: 'set `conditioning_feature_proj_dim: -1` in the outer part',
      }),
      part.place('conditioning_feature_proj_dim'),
    )
  else if (handed !== width && (part.middle || part.attention.some((layers) => layers > 0)))
    report(
      notRunnable({
        setting: 'attention in an outer part',
        reason: `it expects text of ${width} features, but the innermost part projects to ${handed}`,
        help: 'set `attention_levels: []` and `skip_mid_blocks: true`, or remove the projection',
      }),
      part.place('attention_levels'),
    )
}

function checkVideo(part: ReferencePart, report: Report): void {
  const refuse = (key: string, setting: string, reason: string, help: string) =>
    report(notRunnable({ setting, reason, help }), part.place(key))
  const { inner } = part
  if (part.temporalSpace && !part.temporal)
    refuse(
      'temporal_spatial_ds',
      '`temporal_spatial_ds` without `temporal_mode`',
      'it says how the levels of a video part halve',
      'set `temporal_mode: true`',
    )
  if (part.temporalSpace && part.temporalAttention.some((layers) => layers > 0))
    refuse(
      'num_temporal_attention_layers',
      'attention over time with `temporal_spatial_ds`',
      'the reference implementation makes no such layers and fails',
      'set `num_temporal_attention_layers: null`',
    )
  if (part.temporal && !inner)
    refuse(
      'temporal_mode',
      '`temporal_mode` in the innermost part',
      'frames are told apart by what is nested in a part',
      'set `temporal_mode: false`, or nest an image part in it',
    )
  if (inner && halvesFrames(part) && part.channels.length % 2 === 0)
    refuse(
      'resolution_channels',
      `a video part of ${part.channels.length} resolutions`,
      `it holds ${2 ** (part.channels.length - 1)} times the frames of the part in it, which form no square grid`,
      'use an odd number of resolutions',
    )
  if (inner && halvesFrames(part) && inner.inner && !halvesFrames(inner))
    refuse(
      'temporal_mode',
      'a video part around a nest of images',
      'the reference implementation takes tiles of the larger images for frames',
      'nest one image part in it',
    )
  if (
    inner &&
    !halvesFrames(part) &&
    part.temporalSpace !== halvesFrames(inner) &&
    (part.temporal || holdsVideo(inner))
  )
    refuse(
      'temporal_mode',
      part.temporalSpace ? '`temporal_spatial_ds` around this part' : 'an image part around a video part',
      part.temporalSpace
        ? 'the reference implementation finds the frames only in a video part right inside'
        : 'it would convolve the grid of frames as one image',
      part.temporalSpace ? 'nest a video part in it' : 'set `temporal_mode: true` and `temporal_spatial_ds: true`',
    )
}

function holdsVideo(part: ReferencePart): boolean {
  return partsOf(part).some(({ temporal }) => temporal)
}
