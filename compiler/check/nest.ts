/** What the parts of a model must agree on: groups, heads, sides, widths of embeddings. */
import type { Report } from '../diagnostics/diagnostic.js'
import * as say from '../diagnostics/model.js'
import { commonMultiple } from '../diagnostics/suggest.js'
import { innermost, type BlockUse, type Level, type Model } from './model.js'
import type { Placed, SectionReader } from './section.js'

interface Settings {
  readonly groups: Placed<number> | undefined
  readonly heads: Placed<number> | undefined
}

/** Checks a model that was read against itself and the model nested in it. */
export function checkNest(model: Model, r: SectionReader, settings: Settings, report: Report): void {
  for (const level of model.levels) checkLevel(model, level, settings, report)
  if (model.embedding % 8 !== 0)
    report(say.embeddingNotDivisible({ width: model.embedding }), r.has('embedding')?.span ?? model.span)
  const { inner } = model
  if (inner) checkInner(model, inner.model, r, report)
  else {
    const only = [
      ['inner', 'it says how features and weights reach the nested model'],
      ['own_condition', 'a model without a nested one has its condition layers from `condition`'],
      ['interpolation_embedding', 'only outer models of old checkpoints have these layers'],
    ] as const
    for (const [key, reason] of only) {
      const found = r.has(key)
      if (found) report(say.notInOuter({ key, reason }), found.span)
    }
    const normalize = r.has('normalize')
    if (normalize && model.normalize)
      report(
        say.notInOuter({ key: 'normalize', reason: 'the innermost model never divides its image' }),
        normalize.span,
      )
  }
  if (model.network) {
    for (const key of ['middle', 'downsample', 'upsample', 'feed_forward', 'positions']) {
      const found = r.has(key)
      if (found)
        report(say.networkWithLevels(), model.network.span, {
          because: [{ span: found.span, text: 'belongs to levels' }],
        })
    }
  }
}

/** Whether a place has mdmc's own block and leaves it this setting of the model. */
function isStandard({ block, arguments: given }: BlockUse, name: string, setting: string): boolean {
  const own = block.name.text === name && block.name.span.file.endsWith('std/blocks.mdm')
  return own && !given.some((argument) => argument.name?.text === setting)
}

function checkLevel(model: Model, level: Level, settings: Settings, report: Report): void {
  const { channels, channelsSpan: span } = level
  const [first, last] = [level === model.levels[0], level === model.levels.at(-1)]
  const because = (placed: Placed<number> | undefined, text: string) => (placed ? [{ span: placed.span, text }] : [])
  // The first level's channels also reach the normalisation before the last convolution.
  if (channels % model.groups !== 0 && (first || isStandard(level.residual, 'residual', 'groups'))) {
    report(say.channelsNotDivisible({ channels, groups: model.groups }), span, {
      because: because(settings.groups, 'groups are set here'),
    })
  }
  const attends =
    (level.attention > 0 || (last && (model.middle ?? 0) > 0)) && isStandard(level.attentionBlock, 'attention', 'heads')
  if (attends && channels % 32 !== 0 && model.groups !== 32)
    report(say.channelsNotDivisible({ channels, groups: 32 }), span)
  if (attends && channels % model.heads !== 0) {
    report(
      say.headsNotDivisible({
        channels,
        heads: model.heads,
        what: 'attention',
        groups: commonMultiple(32, model.groups),
      }),
      span,
      {
        because: because(settings.heads, 'heads are set here'),
      },
    )
  }
  if (
    level.temporalAttention > 0 &&
    isStandard(level.temporalBlock, 'temporal_attention', 'frames') &&
    channels % 32 !== 0
  )
    report(say.temporalHeads({ channels }), span)
}

function checkInner(model: Model, inner: Model, r: SectionReader, report: Report): void {
  const base = innermost(inner)
  const last = model.levels.at(-1)
  if (inner.network)
    report(say.notNestable({ name: inner.name }), model.span, {
      because: [{ span: inner.network.span, text: 'its network' }],
    })
  for (const key of ['condition', 'network', 'text_layer']) {
    const found = r.has(key)
    if (found) report(say.belongsToInnermost({ key, inner: base.name }), found.span)
  }
  if (last && (last.side !== inner.side || last.frames !== inner.frames)) {
    report(
      say.nestDoesNotMeet({
        outer: model.name,
        inner: inner.name,
        outerSize: say.size(last.side, last.frames),
        innerSize: say.size(inner.side, inner.frames),
      }),
      last.span,
      { because: inner.levels[0] ? [{ span: inner.levels[0].span, text: `${inner.name} begins here` }] : [] },
    )
  }
  if (model.side === inner.side && model.frames === inner.frames) {
    const size = say.size(model.side, model.frames)
    report(say.nestAddsNothing({ outer: model.name, inner: inner.name, size }), model.levels[0]?.span ?? model.span)
  }
  if (model.embedding !== inner.embedding) {
    const finding = say.embeddingsDiffer({
      outer: model.name,
      inner: inner.name,
      outerWidth: model.embedding,
      innerWidth: inner.embedding,
    })
    report(finding, r.has('embedding')?.span ?? model.span, {
      because: [{ span: inner.span, text: `${inner.name} is here` }],
    })
  }
  if (model.imageChannels !== inner.imageChannels) {
    report(
      say.imagesDiffer({
        outer: model.name,
        inner: inner.name,
        outerChannels: model.imageChannels,
        innerChannels: inner.imageChannels,
      }),
      r.has('image')?.span ?? model.span,
    )
  }
  for (const key of ['middle', 'own_condition', 'interpolation_embedding']) {
    const found = r.has(key)
    if (found) report(say.unusedLayers({ key, name: model.name }), found.span)
  }
}
