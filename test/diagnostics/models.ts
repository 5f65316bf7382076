/** Models whose parts do not go together. */
import { scenario } from './scenario.js'

const S64 = 'model S64 { embedding 256  level 64 { channels 64  blocks 1 } }'

export const models = [
  scenario('channels that 32 groups do not divide', 'MDM0214', 'model S { level 64 { channels 100  blocks 2 } }'),
  scenario(
    'channels that the given groups do not divide',
    'MDM0214',
    `
model S {
  groups 24
  level 64 { channels 96  blocks 2 }
  level 32 { channels 128  blocks 2 }
}`,
  ),
  scenario(
    'channels that the heads do not divide',
    'MDM0215',
    `
model S {
  heads 5
  level 64 { channels 64  blocks 2  attention 1 }
}`,
  ),
  scenario(
    'text features that the heads do not divide',
    'MDM0215',
    `
model S {
  condition text { width 100  layers 1 }
  level 64 { channels 64  blocks 2 }
}`,
  ),
  scenario(
    'channels that heads of 32 do not divide',
    'MDM0216',
    `
${S64}
model V nests S64 {
  groups 16
  level 64 { frames 2  channels 48  blocks 1  temporal_attention 1 }
  level 64 { frames 1  channels 48  blocks 1 }
  embedding 256
}`,
  ),
  scenario(
    'levels that do not halve',
    'MDM0217',
    `
model S {
  level 64 { channels 64  blocks 2 }
  level 64 { channels 64  blocks 2 }
  level 16 { channels 64  blocks 2 }
}`,
  ),
  scenario(
    'levels that halve both sides and frames',
    'MDM0218',
    `
model S {
  level 64 { frames 4  channels 64  blocks 1 }
  level 32 { frames 4  channels 64  blocks 1 }
  level 32 { frames 2  channels 64  blocks 1 }
}`,
  ),
  scenario(
    'an odd side',
    'MDM0219',
    `
model S {
  level 15 { channels 64  blocks 1 }
  level 7 { channels 64  blocks 1 }
}`,
  ),
  scenario(
    'a nest that adds no resolution',
    'MDM0241',
    `
model Inner { level 16 { channels 32  blocks 1 } }
model Outer nests Inner { level 16 { channels 32  blocks 1 } }
`,
  ),
  scenario(
    'a nest that does not meet',
    'MDM0220',
    `
${S64}
model S256 nests S64 {
  level 256 { channels 64  blocks 1 }
  level 128 { channels 64  blocks 1 }
}`,
  ),
  scenario(
    'embeddings that differ',
    'MDM0221',
    `
${S64}
model S128 nests S64 {
  embedding 512
  level 128 { channels 64  blocks 1 }
  level 64 { channels 64  blocks 1 }
}`,
  ),
  scenario(
    'an embedding that cannot be made',
    'MDM0222',
    'model S { embedding 100  level 64 { channels 64  blocks 1 } }',
  ),
  scenario(
    'a condition in an outer model',
    'MDM0223',
    `
${S64}
model S128 nests S64 {
  condition text { width 64 }
  level 128 { channels 64  blocks 1 }
  level 64 { channels 64  blocks 1 }
}`,
  ),
  scenario(
    'settings of outer models in an innermost one',
    'MDM0224',
    `
model S {
  inner { frozen yes }
  normalize yes
  level 64 { channels 64  blocks 1 }
}`,
  ),
  scenario(
    'levels and a network',
    'MDM0225',
    `
block mine(x) { return x | c: conv(channels(x), 3) }
model S {
  network mine
  side 64
  level 64 { channels 64  blocks 1 }
}`,
  ),
  scenario('no levels', 'MDM0226', 'model S { embedding 64 }'),
  scenario(
    'a nested network',
    'MDM0227',
    `
block mine(x) { return x | c: conv(channels(x), 3) }
model S { network mine  side 64  embedding 256 }
model T nests S {
  level 128 { channels 64  blocks 1 }
  level 64 { channels 64  blocks 1 }
}`,
  ),
  scenario(
    'images that differ',
    'MDM0228',
    `
${S64}
model S128 nests S64 {
  image gray
  level 128 { channels 64  blocks 1 }
  level 64 { channels 64  blocks 1 }
}`,
  ),
  scenario(
    'attention over one frame',
    'MDM0229',
    'model S { level 64 { channels 64  blocks 1  temporal_attention 1 } }',
  ),
  scenario(
    'layers that nothing reads',
    'MDM0230',
    `
${S64}
model S128 nests S64 {
  level 128 { channels 64  blocks 1 }
  level 64 { channels 64  blocks 1 }
  middle { attention 1 }
}`,
  ),
  scenario(
    'weights of another number',
    'MDM0231',
    `
model S {
  condition label { classes 3  names ["cat", "dog"] }
  level 64 { channels 64  blocks 1 }
  diffusion { weights 1:2 }
}`,
  ),
  scenario(
    'a table that does not fall',
    'MDM0232',
    `
model S {
  level 64 { channels 64  blocks 1 }
  diffusion { schedule table [1, 0.5, 0.7, 0.1] }
}`,
  ),
  scenario(
    'guidance without a condition',
    'MDM0233',
    `
model S { level 64 { channels 64  blocks 1 } }
sample S { guidance 2 }
train S { condition_dropout 10%  phase S { steps 1k  batch 8 } }`,
  ),
  scenario(
    'a phase of another model',
    'MDM0234',
    `
${S64}
model T { level 64 { channels 64  blocks 1 } }
train T { phase S64 { steps 1k  batch 8 } }
sample T { until 32 }`,
  ),
  scenario(
    'phases from the outside in',
    'MDM0235',
    `
${S64}
model S128 nests S64 {
  level 128 { channels 64  blocks 1 }
  level 64 { channels 64  blocks 1 }
}
train S128 {
  phase S128 { steps 1k  batch 8 }
  phase S64 { steps 1k  batch 8 }
}`,
  ),
  scenario(
    'settings without effect',
    'MDM0236',
    `
model S {
  level 64 { channels 64  blocks 1 }
  side 64
}
sample S { eta 0.5 }
train S { phase S { steps 1k  batch 8  freeze nested } }`,
  ),
  scenario(
    'more steps than the schedule has',
    'MDM0237',
    `
model S {
  level 64 { channels 64  blocks 1 }
  diffusion { steps 100 }
}
sample S { steps 250 }`,
  ),
  scenario(
    'a model for a block',
    'MDM0238',
    `
${S64}
model T { level 64 { channels 64  blocks 1  use S64 } }
model U nests residual { level 64 { channels 64  blocks 1 } }
block b(x) { return x | S64 }`,
  ),
  scenario(
    'settings twice',
    'MDM0240',
    `
model S { level 64 { channels 64  blocks 1 } }
sample S { steps 50 }
sample S { steps 100 }`,
  ),
]
