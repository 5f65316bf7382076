/** Conditions: text, labels and micro-conditions. */
import type { Report } from '../diagnostics/diagnostic.js'
import * as say from '../diagnostics/model.js'
import type { Condition, MicroCondition, OwnCondition } from './model.js'
import { SectionReader, type Placed, type PropertyReader } from './section.js'

const width = { minimum: 1, maximum: 65_536, whole: true }
const layers = { minimum: 0, maximum: 256, whole: true }
/** Heads of the learned attention over the text. */
const textHeads = 8

export function readCondition(p: PropertyReader, report: Report): Condition | undefined {
  const kind = p.word(['none', 'text', 'label'])
  if (kind === undefined) return undefined
  const r = new SectionReader(`condition ${kind.value}`, p.property.section, report, kind.span)
  const condition =
    kind.value === 'text' ? readText(r, report) : kind.value === 'label' ? readLabel(r, report) : undefined
  r.finish()
  return condition
}

function readText(r: SectionReader, report: Report): Condition | undefined {
  const features = r.one('width', (p) => p.number(width))
  const project = r.one('project', (p) => p.number(width))
  const count = r.one('layers', (p) => p.number(layers))
  checkHeads(project ?? features, count, report)
  const condition: Condition = {
    kind: 'text',
    width: features?.value ?? 1,
    project: project?.value,
    layers: count?.value ?? 0,
    masked: r.one('masked', (p) => p.yesNo())?.value ?? true,
    crossAttention: r.one('cross_attention', (p) => p.yesNo())?.value ?? true,
    encoder: r.one('encoder', readEncoder),
  }
  if (!r.has('width')) r.missing('width', 'width 2048')
  return features && condition
}

function checkHeads(features: Placed<number> | undefined, count: Placed<number> | undefined, report: Report): void {
  if (!features || !count || count.value === 0 || features.value % textHeads === 0) return
  report(
    say.headsNotDivisible({ channels: features.value, heads: textHeads, what: 'attention over the text' }),
    features.span,
    { because: [{ span: count.span, text: 'learned layers over the text' }] },
  )
}

function readEncoder(p: PropertyReader): string | undefined {
  return p.rest[0]?.kind === 'string' ? p.text()?.value : p.word(['hash'])?.value
}

function readLabel(r: SectionReader, report: Report): Condition | undefined {
  const classes = r.one('classes', (p) => p.number({ minimum: 1, maximum: 1_000_000, whole: true }))
  const names = r.one('names', (p) => p.texts())
  if (classes && names && names.value.length !== classes.value)
    report(
      say.listLength({ key: 'names', given: names.value.length, expected: classes.value, what: ['class', 'classes'] }),
      names.span,
    )
  const crossAttention = r.one('cross_attention', (p) => p.yesNo())?.value ?? false
  if (!r.has('classes')) r.missing('classes', 'classes 1000')
  return classes && { kind: 'label', classes: classes.value, names: names?.value ?? [], crossAttention }
}

/** Condition layers of an outer part, which only old checkpoints have. */
export function readOwnCondition(p: PropertyReader, report: Report): OwnCondition | undefined {
  const r = new SectionReader('own_condition', p.property.section, report, p.span)
  const features = r.one('width', (q) => q.number(width))
  const project = r.one('project', (q) => q.number(width))
  const count = r.one('layers', (q) => q.number(layers))
  checkHeads(project ?? features, count, report)
  if (!r.has('width')) r.missing('width', 'width 2048')
  r.finish()
  return features && { width: features.value, project: project?.value, layers: count?.value ?? 0 }
}

/** `micro scale 64`: a name and its default. */
export function readMicro(p: PropertyReader): Placed<MicroCondition> | undefined {
  const key = p.reference('a name, such as `scale`')
  const value = p.number({ minimum: -1e9, maximum: 1e9 })
  return key && value && { value: { key: key.value.name, default: value.value }, span: key.span }
}
