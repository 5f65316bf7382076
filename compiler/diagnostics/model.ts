/** Diagnostics about what a model says: sizes that do not go together, parts that do not meet. */
import { diagnostic } from './diagnostic.js'
import { commonMultiple, counted, nearestMultiple } from './suggest.js'

export const channelsNotDivisible = diagnostic<{ channels: number; groups: number }>({
  code: 'MDM0214',
  message: ({ channels, groups }) => `${channels} channels cannot form ${groups} groups`,
  reason: 'group normalisation needs equal groups (Wu & He 2018)',
  help: ({ channels, groups }) => `use ${nearestMultiple(channels, groups)} channels`,
})

export const headsNotDivisible = diagnostic<{
  channels: number
  heads: number
  what: string
  /** What else divides the features. */
  groups?: number
}>({
  code: 'MDM0215',
  message: ({ channels, heads, what }) => `${what} cannot divide ${channels} features among ${heads} heads`,
  reason: 'attention gives each head the same number of features (Vaswani et al. 2017)',
  help: ({ channels, heads, groups = 1 }) =>
    `use ${nearestMultiple(channels, commonMultiple(heads, groups))} features, or another number of heads`,
})

export const temporalHeads = diagnostic<{ channels: number }>({
  code: 'MDM0216',
  message: ({ channels }) => `attention over time cannot divide ${channels} channels into heads of 32`,
  help: ({ channels }) => `use ${nearestMultiple(channels, 32)} channels`,
})

export const levelOrder = diagnostic<{ side: number; frames: number; before: string; expected: string }>({
  code: 'MDM0217',
  message: ({ side, frames, before }) => `a level of ${size(side, frames)} cannot follow one of ${before}`,
  reason: 'each level halves either the side or the number of frames of the one before',
  help: ({ expected }) => `the next level is ${expected}`,
})

export function size(side: number, frames: number): string {
  return frames === 1 ? `side ${side}` : `side ${side} and ${frames} frames`
}

export const mixedResampling = diagnostic({
  code: 'MDM0218',
  message: () => 'one model cannot halve both the side and the frames',
  reason: 'the levels of a model are joined by convolutions either over space or over time',
  help: 'nest a model that halves the frames in one that halves the side',
})

export const oddSize = diagnostic<{ what: string; value: number }>({
  code: 'MDM0219',
  message: ({ what, value }) => `${what} ${value} cannot be halved`,
  help: ({ value }) => `use ${nearestMultiple(value, 2)}`,
})

export const nestDoesNotMeet = diagnostic<{ outer: string; inner: string; outerSize: string; innerSize: string }>({
  code: 'MDM0220',
  message: ({ outer, inner, outerSize, innerSize }) =>
    `${outer} ends at ${outerSize}, but ${inner} begins at ${innerSize}`,
  reason: 'the last level of an outer model works at the size of the model nested in it',
  help: ({ outer, innerSize }) => `end ${outer} with a level of ${innerSize}`,
})

export const nestAddsNothing = diagnostic<{ outer: string; inner: string; size: string }>({
  code: 'MDM0241',
  message: ({ outer, inner, size }) => `${outer} begins at ${size}, as ${inner} does`,
  reason: 'an outer model adds a resolution of its own',
  help: ({ outer }) => `give ${outer} a larger level first`,
})

export const embeddingsDiffer = diagnostic<{ outer: string; inner: string; outerWidth: number; innerWidth: number }>({
  code: 'MDM0221',
  message: ({ outer, inner, outerWidth, innerWidth }) =>
    `the time embedding of ${outer} has ${outerWidth} channels, that of ${inner} ${innerWidth}`,
  reason: 'the condition is added to the time embedding of every nested part, so all have one width',
  help: ({ innerWidth }) => `set \`embedding ${innerWidth}\``,
})

export const embeddingNotDivisible = diagnostic<{ width: number }>({
  code: 'MDM0222',
  message: ({ width }) => `a time embedding of ${width} channels cannot be made`,
  reason: 'its sines and cosines take an eighth of the width each',
  help: ({ width }) => `use ${nearestMultiple(width, 8)}`,
})

export const belongsToInnermost = diagnostic<{ key: string; inner: string }>({
  code: 'MDM0223',
  message: ({ key, inner }) => `\`${key}\` belongs to the innermost model, ${inner}`,
  reason: 'all parts of a nest share it',
  help: ({ key, inner }) => `move \`${key}\` into ${inner}`,
})

export const notInOuter = diagnostic<{ key: string; reason: string }>({
  code: 'MDM0224',
  message: ({ key }) => `\`${key}\` is only for models that nest another`,
  reason: ({ reason }) => reason,
  help: 'remove it, or write `model NAME nests OTHER`',
})

export const networkWithLevels = diagnostic({
  code: 'MDM0225',
  message: () => 'a model has either levels or one block as its network',
  help: 'remove the levels and what goes with them, or `network`',
})

export const noNetwork = diagnostic<{ name: string }>({
  code: 'MDM0226',
  message: ({ name }) => `${name} has no levels`,
  help: ({ name }) => `for example: model ${name} { level 64 { channels 256  blocks 2 } }`,
})

export const notNestable = diagnostic<{ name: string }>({
  code: 'MDM0227',
  message: ({ name }) => `${name} cannot be nested in another model`,
  reason: 'its network is one block, which takes no features from outside and hands none back',
  help: 'nest a model made of levels',
})

export const imagesDiffer = diagnostic<{ outer: string; inner: string; outerChannels: number; innerChannels: number }>({
  code: 'MDM0228',
  message: ({ outer, inner, outerChannels, innerChannels }) =>
    `${outer} has images of ${counted(outerChannels, 'channel')}, ${inner} of ${innerChannels}`,
  reason: 'all resolutions of a nest are the same image',
  help: 'give `image` in the innermost model alone',
})

export const attentionOverOneFrame = diagnostic({
  code: 'MDM0229',
  severity: 'warning',
  message: () => 'attention over time in a model of images',
  reason: 'with one frame it can only copy',
  help: 'remove `temporal_attention`, or give the level `frames`',
})

export const unusedLayers = diagnostic<{ key: string; name: string }>({
  code: 'MDM0230',
  severity: 'warning',
  message: ({ key, name }) => `nothing reads the layers that \`${key}\` gives to ${name}`,
  reason: 'an outer model has them only so that a published checkpoint fits',
  help: ({ key }) => `remove \`${key}\` unless you load such a checkpoint`,
})

export const listLength = diagnostic<{
  key: string
  given: number
  expected: number
  what: [one: string, many: string]
}>({
  code: 'MDM0231',
  message: ({ key, given, expected, what }) =>
    `\`${key}\` has ${counted(given, 'value')} for ${counted(expected, ...what)}`,
  help: ({ what: [one] }) => `give one for each ${one}`,
})

export const badTable = diagnostic<{ problem: string }>({
  code: 'MDM0232',
  message: ({ problem }) => `the table of the schedule ${problem}`,
  reason: 'gamma falls from 1 (clean) towards 0 (noise), one value for each of 0 .. steps',
})

export const needsCondition = diagnostic<{ key: string; condition: string; name: string }>({
  code: 'MDM0233',
  message: ({ key, condition, name }) => `\`${key}\` needs a ${condition}, and ${name} has none`,
  help: ({ key }) => `remove \`${key}\` or give the innermost model a condition`,
})

export const notPartOf = diagnostic<{ what: string; value: string; model: string; known: string }>({
  code: 'MDM0234',
  message: ({ what, value, model }) => `${what} ${value} is not part of ${model}`,
  help: ({ known }) => `parts: ${known}`,
})

export const phaseOrder = diagnostic<{ phase: string; before: string }>({
  code: 'MDM0235',
  message: ({ phase, before }) => `phase ${phase} cannot follow phase ${before}`,
  reason: 'each phase starts from the weights of the one before, which must be nested in it',
  help: 'order the phases from the innermost model outwards',
})

export const onlyWith = diagnostic<{ key: string; needed: string }>({
  code: 'MDM0236',
  message: ({ key, needed }) => `\`${key}\` has no effect without ${needed}`,
  help: ({ key }) => `remove \`${key}\``,
})

export const stepsBeyondSchedule = diagnostic<{ steps: number; all: number }>({
  code: 'MDM0237',
  message: ({ steps, all }) => `${steps} sampling steps, but the schedule has ${all}`,
  help: ({ all }) => `use ${all} steps at most`,
})

export const notABlock = diagnostic<{ name: string; found: string; expected: string }>({
  code: 'MDM0238',
  message: ({ name, found, expected }) => `\`${name}\` is a ${found}, not a ${expected}`,
})

export const repeatedSettings = diagnostic<{ kind: string; name: string }>({
  code: 'MDM0240',
  message: ({ kind, name }) => `${name} has two \`${kind}\` sections`,
  help: 'join them',
})
