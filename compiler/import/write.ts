/** A reference configuration as an .mdm file: one model for each part, innermost first, defaults left out. */
import type { ReferencePart } from './part.js'
import type { Placed } from './place.js'
import type { ReferenceDiffusion } from './process.js'
import type { Reference } from './reference.js'

/** The text of the .mdm file, as yet without the layout of `mdmc fmt`. `placed` is outermost first. */
export function writeMdm(reference: Reference, placed: readonly Placed[]): string {
  const models = placed.map((entry, i) => writeModel(entry, placed[i + 1], i === 0, reference))
  const [outermost] = placed
  const sampling = reference.diffusion && outermost ? writeSampling(reference.diffusion, outermost.name) : []
  return [...writeNotes(reference), ...models.reverse(), ...sampling].join('\n\n') + '\n'
}

/** Remarks on what the model does not say. */
function writeNotes({ leftOut, misplaced, diffusion, whole }: Reference): string[] {
  const notes = [
    ...unless(leftOut.length === 0, `Left out, for it concerns data and training: ${listed(leftOut)}.`),
    ...unless(
      misplaced.length === 0,
      `Left out, for the reference reads it only in its section: ${listed(misplaced)}.`,
    ),
    ...unless(
      diffusion !== undefined || !whole,
      'The file says nothing of diffusion, so that the schedule and the loss of the paper stand.',
    ),
  ]
  return notes.length === 0 ? [] : [notes.flatMap(wrapped).join('\n')]
}

function listed(keys: readonly string[]): string {
  const shown = keys.slice(0, 80).map((key) => (/^[\w-]{1,60}$/.test(key) ? key : JSON.stringify(key.slice(0, 60))))
  return [...shown, ...unless(keys.length === shown.length, `and ${keys.length - shown.length} more`)].join(', ')
}

/** A remark in lines that fit. */
function wrapped(text: string): string[] {
  const lines = ['//']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line.length + 1 + word.length <= 118 || line === '//') lines[lines.length - 1] = `${line} ${word}`
    else lines.push(`// ${word}`)
  }
  return lines
}

/** A property with a value, unless it is the default. */
function unless(isDefault: boolean, property: string): string[] {
  return isDefault ? [] : [property]
}

function writeModel(placed: Placed, inner: Placed | undefined, outermost: boolean, reference: Reference): string {
  const { name } = placed
  const diffusion = reference.diffusion
    ? writeDiffusion(reference.diffusion, inner === undefined, outermost && inner !== undefined)
    : []
  const groups = [writeSettings(placed, inner, outermost, reference), writeLevels(placed), diffusion]
  const body = groups.filter((group) => group.length > 0).map((group) => group.map((line) => `  ${line}\n`).join(''))
  return `model ${name}${inner ? ` nests ${inner.name}` : ''} {\n${body.join('\n')}}`
}

function writeSettings(
  { part }: Placed,
  inner: Placed | undefined,
  outermost: boolean,
  { categorical }: Reference,
): string[] {
  const embedding = embeddingOf(part)
  const inherited = inner ? embeddingOf(inner.part) : 4 * (part.channels[0] ?? 0)
  const attends = part.middle || part.attention.some((layers) => layers > 0)
  const overTime = part.temporalAttention.some((layers) => layers > 0)
  const conditioned = part.conditionWidth > 0
  const settings = [
    ...unless(embedding === inherited, `embedding ${embedding}`),
    ...unless(!conditioned || inner !== undefined, writeCondition(part, categorical)),
    ...unless(!conditioned || !inner || !part.ownCondition, `own_condition { ${textWords(part).join('  ')} }`),
    ...part.micros.map((micro) => `micro ${micro.key} ${micro.default}`),
    ...unless(part.groups === 32, `groups ${part.groups}`),
    ...unless(part.dropout === 0, `dropout ${part.dropout}`),
    ...unless(!attends || part.feedForward, 'feed_forward no'),
    ...unless(!overTime || !part.rotary, 'positions rotary'),
  ]
  if (!inner) return settings
  const handed = [
    ...unless(part.features, 'features no'),
    ...unless(!part.frozen, 'frozen yes'),
    ...(part.pretrained === undefined ? [] : [`pretrained "${part.pretrained.replace(/["\\]/g, '\\$&')}"`]),
  ]
  return [
    ...settings,
    ...unless(part.normalize !== outermost, `normalize ${part.normalize ? 'yes' : 'no'}`),
    ...unless(!part.interpolation, 'interpolation_embedding yes'),
    ...unless(handed.length === 0, `inner { ${handed.join('  ')} }`),
  ]
}

/** Width of the time embedding. */
function embeddingOf(part: ReferencePart): number {
  return part.embedding ?? 4 * (part.channels[0] ?? 0)
}

function textWords({ conditionWidth, project, textLayers }: ReferencePart): string[] {
  return [
    `width ${conditionWidth}`,
    ...unless(project <= 0, `project ${project}`),
    ...unless(textLayers === 0, `layers ${textLayers}`),
  ]
}

function writeCondition(part: ReferencePart, categorical: boolean): string {
  if (categorical) return `condition label { classes ${part.conditionWidth}  cross_attention yes }`
  return `condition text { ${[...textWords(part), ...unless(part.masked, 'masked no')].join('  ')} }`
}

function writeLevels({ part, side, frames }: Placed): string[] {
  const overTime = part.temporal && !part.temporalSpace
  const levels = part.channels.map((channels, i) => {
    const [levelSide, levelFrames] = overTime ? [side, frames / 2 ** i] : [side / 2 ** i, frames]
    const attention = part.attention[i] ?? 0
    const temporal = part.temporalAttention[i] ?? 0
    const words = [
      ...unless(frames === 1 && temporal === 0, `frames ${levelFrames}`),
      `channels ${channels}`,
      `blocks ${part.blocks[i] ?? 1}`,
      ...unless(attention === 0, `attention ${attention}`),
      ...unless(temporal === 0, `temporal_attention ${temporal}`),
    ]
    return `level ${levelSide} { ${words.join('  ')} }`
  })
  return [...levels, ...unless(!part.middle, 'middle { attention 1 }')]
}

/** The innermost model says what all share, the outermost what only a nest has. */
function writeDiffusion(d: ReferenceDiffusion, innermost: boolean, outermostOfNest: boolean): string[] {
  const [first, last] = d.beta
  const beta = d.schedule === 'ddpm' && (first !== 1e-4 || last !== 0.02) ? ` { beta ${first} ${last} }` : ''
  const shared = [
    `steps ${d.steps}`,
    `schedule ${d.schedule}${d.shifted ? ' shifted' : ''}${beta}`,
    `predict ${d.predict}`,
    ...unless(d.measure === undefined || d.measure === d.predict, `measure ${d.measure ?? ''}`),
    ...unless(d.power === 1, `power ${d.power}`),
    ...unless(d.shift === 1, `shift ${d.shift}`),
    ...unless(d.signalScale === 1, `signal_scale ${d.signalScale}`),
    ...unless(d.outputScale === 0, `output_scale ${d.outputScale}`),
    ...unless(!d.vdmWeights, 'weighting vdm'),
  ]
  const nested = [
    ...unless(d.allResolutions, 'loss mse highest'),
    ...(d.weights ? [`weights ${d.weights.join(':')}`] : []),
    ...(d.mix ? [`mix ${d.mix.join(':')}`] : []),
    ...unless(!d.randomInterpolation, 'random_interpolation yes'),
    ...unless(d.frameChoice === 'first', `frame_choice ${d.frameChoice}`),
  ]
  const words = [...(innermost ? shared : []), ...(outermostOfNest ? nested : [])]
  return words.length === 0 ? [] : [`diffusion { ${words.join('  ')} }`]
}

function writeSampling(d: ReferenceDiffusion, name: string): string[] {
  return d.threshold === 'fixed' ? [] : [`sample ${name} { threshold ${d.threshold} }`]
}
