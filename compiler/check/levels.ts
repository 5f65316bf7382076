/** The levels of a model: their sections, and whether each can follow the one before. */
import type { Report } from '../diagnostics/diagnostic.js'
import * as say from '../diagnostics/model.js'
import type { BlockOf, Level } from './model.js'
import { pixels, SectionReader, type PropertyReader } from './section.js'

const few = { minimum: 0, maximum: 64, whole: true }

export function readLevels(r: SectionReader, blockOf: BlockOf, report: Report): Level[] {
  const levels = r.many('level', (p) => readLevel(p, blockOf, report), { section: true })
  let meant: Level | undefined
  for (const level of levels) meant = meant ? checkStep(meant, level, levels, report) : level
  return levels
}

function readLevel(p: PropertyReader, blockOf: BlockOf, report: Report): Level | undefined {
  const side = p.number({ minimum: 1, maximum: 16_384, whole: true, units: pixels })
  const span = side?.span ?? p.span
  const r = new SectionReader('a level', p.property.section, report, span)
  const block = (q: PropertyReader) => {
    const use = q.reference('a block')
    return use && blockOf(use.value.name, { ...use.value, span: use.span })
  }
  const standard = (name: string) => blockOf(name, { arguments: [], span })
  const channels = r.one('channels', (q) => q.number({ minimum: 1, maximum: 65_536, whole: true }))
  const blocks = r.one('blocks', (q) => q.number({ ...few, minimum: 1 }))
  const frames = r.one('frames', (q) => q.number({ minimum: 1, maximum: 4096, whole: true }))
  const attention = r.one('attention', (q) => q.number(few))
  const temporal = r.one('temporal_attention', (q) => q.number(few))
  const residual = r.one('residual', block) ?? standard('residual')
  const attentionBlock = r.one('attention_block', block) ?? standard('attention')
  const temporalBlock = r.one('temporal_block', block) ?? standard('temporal_attention')
  const use = r.many('use', block)
  if (!r.has('channels')) r.missing('channels', 'channels 256')
  if (!r.has('blocks')) r.missing('blocks', 'blocks 2')
  r.finish()
  if (
    temporal &&
    temporal.value > 0 &&
    (frames?.value ?? 1) === 1 &&
    !p.property.section?.properties.some((q) => q.key.text === 'frames')
  ) {
    report(say.attentionOverOneFrame(), temporal.span)
  }
  if (!side || !channels || !blocks || !residual || !attentionBlock || !temporalBlock) return undefined
  return {
    side: side.value,
    frames: frames?.value ?? 1,
    channels: channels.value,
    blocks: blocks.value,
    attention: attention?.value ?? 0,
    temporalAttention: temporal?.value ?? 0,
    residual,
    attentionBlock,
    temporalBlock,
    use,
    span,
    channelsSpan: channels.span,
  }
}

/** Checks a level against the one before; the level as it was meant, so that one mistake is not reported as two. */
function checkStep(before: Level, level: Level, all: readonly Level[], report: Report): Level {
  const halvesSide = level.side * 2 === before.side && level.frames === before.frames
  const halvesFrames = level.side === before.side && level.frames * 2 === before.frames
  const temporal = all[0]?.side === all[1]?.side && all[0]?.frames !== all[1]?.frames
  const because = [{ span: before.span, text: 'the level before' }]
  if (halvesSide || halvesFrames) {
    if (halvesFrames !== temporal) report(say.mixedResampling(), level.span, { because })
    return level
  }
  const overTime = temporal && before.frames > 1
  const [side, frames] = overTime ? [before.side, before.frames / 2] : [before.side / 2, before.frames]
  if (!Number.isInteger(side)) report(say.oddSize({ what: 'a side of', value: before.side }), before.span)
  else if (!Number.isInteger(frames))
    report(say.oddSize({ what: 'the number of frames', value: before.frames }), before.span)
  else {
    const fix = { title: `write ${side}`, edits: [{ span: level.span, replacement: String(side) }] }
    const finding = say.levelOrder({
      side: level.side,
      frames: level.frames,
      before: say.size(before.side, before.frames),
      expected: say.size(side, frames),
    })
    report(finding, level.span, {
      because,
      ...(level.frames === before.frames && level.frames === frames ? { fix } : {}),
    })
    return { ...level, side, frames }
  }
  return level
}
