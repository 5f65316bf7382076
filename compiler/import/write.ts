/** A reference configuration as an .mdm file: one model for each part, innermost first, defaults left out. */
import type { Report, Span } from '../diagnostics/diagnostic.js'
import { unfitSide } from '../diagnostics/import.js'
import type { Reference, ReferenceDiffusion, ReferencePart } from './reference.js'

export interface WriteOptions {
  /** Name of the outermost model. */
  readonly name: string
  /** Side of the image (of the grid of frames for a video), where the file does not say. */
  readonly side?: number | undefined
  readonly span: Span
  readonly report: Report
}

/** The paper's innermost side, which configurations take for granted. */
const innermostSide = 64

interface Placed {
  readonly part: ReferencePart
  readonly name: string
  /** Side and frames of the part's first level. */
  readonly side: number
  readonly frames: number
}

/** The text of the .mdm file, or undefined where the sides do not work out (which is reported). */
export function writeMdm(reference: Reference, options: WriteOptions): string | undefined {
  const placed = place(reference, options)
  if (placed === undefined) return undefined
  const models = [...placed].reverse().map((entry, i, all) => writeModel(entry, all[i - 1], i === all.length - 1, reference))
  const settings = reference.diffusion && writeSampling(reference.diffusion, options.name)
  const note = reference.leftOut.length === 0 ? [] : [`// Imported without what concerns data and training: ${reference.leftOut.join(', ')}.`.replace(/(.{1,110})(?: |$)/g, (_, line: string) => (line.startsWith('//') ? line : `// ${line}`) + '\n').trimEnd()]
  return [...note, ...models, ...(settings ? [settings] : [])].join('\n\n') + '\n'
}

function partsOf(part: ReferencePart): ReferencePart[] {
  return part.inner ? [part, ...partsOf(part.inner)] : [part]
}

function place(reference: Reference, options: WriteOptions): Placed[] | undefined {
  const parts = partsOf(reference.unet)
  const halves = (part: ReferencePart) => part.inner !== undefined && !(part.temporal && !part.temporalSpace)
  const factor = parts.filter(halves).reduce((product, part) => product * 2 ** (part.channels.length - 1), 1)
  const frames = parts.map((_, i) => parts.slice(i).filter((part) => part.temporal && !part.temporalSpace && part.inner).reduce((product, part) => product * 2 ** (part.channels.length - 1), 1))
  const grid = Math.sqrt(frames[0] ?? 1)
  const given = options.side ?? reference.side
  const side = given === undefined ? innermostSide * factor : given / grid
  const innermostHalvings = 2 ** ((parts.at(-1)?.channels.length ?? 1) - 1)
  if (!Number.isInteger(side / factor / innermostHalvings) || side < 1) {
    options.report(unfitSide({ side: given ?? side, factor: factor * innermostHalvings, smallest: factor * innermostHalvings * Math.ceil(grid) }), options.span)
    return undefined
  }
  let at = side
  return parts.map((part, i) => {
    const entry = { part, name: '', side: at, frames: frames[i] ?? 1 }
    if (halves(part)) at /= 2 ** (part.channels.length - 1)
    const size = entry.frames === 1 ? String(entry.side) : `t${entry.frames}_${entry.side}`
    return { ...entry, name: i === 0 ? options.name : `${options.name}_${size}` }
  })
}

function writeModel({ part, name, side, frames }: Placed, inner: Placed | undefined, outermost: boolean, reference: Reference): string {
  const lines: string[] = []
  const embedding = part.embedding ?? 4 * (part.channels[0] ?? 0)
  const inherited = inner ? (inner.part.embedding ?? 4 * (inner.part.channels[0] ?? 0)) : 4 * (part.channels[0] ?? 0)
  if (embedding !== inherited) lines.push(`embedding ${embedding}`)
  if (!inner && part.conditionWidth > 0) lines.push(writeCondition(part, reference.categorical))
  if (inner && part.ownCondition && part.conditionWidth > 0) {
    lines.push(`own_condition { ${[`width ${part.conditionWidth}`, ...(part.project > 0 ? [`project ${part.project}`] : []), ...(part.textLayers > 0 ? [`layers ${part.textLayers}`] : [])].join('  ')} }`)
  }
  for (const micro of part.micros) lines.push(`micro ${micro.key} ${micro.default}`)
  if (part.groups !== 32) lines.push(`groups ${part.groups}`)
  if (part.dropout !== 0) lines.push(`dropout ${part.dropout}`)
  const attends = part.middle || part.attention.some((layers) => layers > 0)
  if (attends && !part.feedForward) lines.push('feed_forward no')
  if (part.rotary && part.temporalAttention.some((layers) => layers > 0)) lines.push('positions rotary')
  if (inner && part.normalize === outermost) lines.push(`normalize ${part.normalize ? 'yes' : 'no'}`)
  if (inner && part.interpolation) lines.push('interpolation_embedding yes')
  const handed = [...(part.features ? [] : ['features no']), ...(part.frozen ? ['frozen yes'] : []), ...(part.pretrained === undefined ? [] : [`pretrained ${JSON.stringify(part.pretrained)}`])]
  if (inner && handed.length > 0) lines.push(`inner { ${handed.join('  ')} }`)
  const levels = part.channels.map((channels, i) => {
    const overTime = part.temporal && !part.temporalSpace
    const [levelSide, levelFrames] = overTime ? [side, frames / 2 ** i] : [side / 2 ** i, frames]
    const words = [
      ...(frames > 1 ? [`frames ${levelFrames}`] : []),
      `channels ${channels}`,
      `blocks ${part.blocks[i] ?? 1}`,
      ...((part.attention[i] ?? 0) > 0 ? [`attention ${part.attention[i] ?? 0}`] : []),
      ...((part.temporalAttention[i] ?? 0) > 0 ? [`temporal_attention ${part.temporalAttention[i] ?? 0}`] : []),
    ]
    return `level ${levelSide} { ${words.join('  ')} }`
  })
  if (part.middle) levels.push('middle { attention 1 }')
  const diffusion = reference.diffusion && writeDiffusion(reference.diffusion, inner === undefined, outermost && inner !== undefined)
  const groups = [lines, levels, ...(diffusion ? [[diffusion]] : [])].filter((group) => group.length > 0)
  const body = groups.map((group) => group.map((line) => `  ${line}\n`).join('')).join('\n')
  return `model ${name}${inner ? ` nests ${inner.name}` : ''} {\n${body}}`
}

function writeCondition(part: ReferencePart, categorical: boolean): string {
  if (categorical) return `condition label { classes ${part.conditionWidth}  cross_attention yes }`
  const words = [`width ${part.conditionWidth}`]
  if (part.project > 0) words.push(`project ${part.project}`)
  if (part.textLayers > 0) words.push(`layers ${part.textLayers}`)
  if (!part.masked) words.push('masked no')
  return `condition text { ${words.join('  ')} }`
}

/** The innermost model says what all share, the outermost what only a nest has. */
function writeDiffusion(d: ReferenceDiffusion, innermost: boolean, outermostOfNest: boolean): string | undefined {
  const words: string[] = []
  const schedule = d.schedule === 'ddpm' && (d.beta[0] !== 1e-4 || d.beta[1] !== 0.02) ? `ddpm${d.shifted ? ' shifted' : ''} { beta ${d.beta[0]} ${d.beta[1]} }` : `${d.schedule}${d.shifted ? ' shifted' : ''}`
  if (innermost) {
    words.push(`steps ${d.steps}`, `schedule ${schedule}`, `predict ${d.predict}`)
    if (d.measure !== undefined && d.measure !== d.predict) words.push(`measure ${d.measure}`)
    if (d.power !== 1) words.push(`power ${d.power}`)
    if (d.shift > 1) words.push(`shift ${d.shift}`)
    if (d.signalScale !== 1) words.push(`signal_scale ${d.signalScale}`)
    if (d.outputScale !== 0) words.push(`output_scale ${d.outputScale}`)
    if (d.vdmWeights) words.push('weighting vdm')
  }
  if (outermostOfNest) {
    if (!d.allResolutions) words.push('loss mse highest')
    else if (d.weights !== undefined) words.push(`weights ${d.weights}`)
    if (d.mix !== undefined) words.push(`mix ${d.mix}`)
    if (d.randomInterpolation) words.push('random_interpolation yes')
    if (d.frameChoice !== 'first') words.push(`frame_choice ${d.frameChoice}`)
  }
  return words.length === 0 ? undefined : `diffusion { ${words.join('  ')} }`
}

function writeSampling(d: ReferenceDiffusion, name: string): string | undefined {
  return d.threshold === 'clip' ? undefined : `sample ${name} { threshold ${d.threshold} }`
}
