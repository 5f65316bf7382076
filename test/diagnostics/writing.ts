/** Mistakes in writing: words, signs, brackets, sections. */
import { scenario } from './scenario.js'

export const writing = [
  scenario('a semicolon', 'MDM0101', 'model S { level 64 { channels 64; blocks 2; } }'),
  scenario(
    'a remark as in other languages',
    'MDM0101',
    `
# my model
model S {
  level 64 { channels 64  blocks 2 } # the only level
}`,
  ),
  scenario('single quotes', 'MDM0101', `import { S64 } from './S64.mdm'`),
  scenario('a misspelt declaration', 'MDM0102', 'modle S { level 64 { channels 64  blocks 2 } }'),
  scenario(
    'text outside of declarations',
    'MDM0102',
    `
this is my model
model S { level 64 { channels 64  blocks 2 } }`,
  ),
  scenario('an import without braces', 'MDM0102', 'import S64 from "std/blocks.mdm"'),
  scenario(
    'nest for nests',
    'MDM0102',
    `
model S { level 64 { channels 64  blocks 2 } }
model T nest S { level 128 { channels 64  blocks 2 }  level 64 { channels 64  blocks 2 } }`,
  ),
  scenario('a model without its braces', 'MDM0102', 'model S level 64 { channels 64  blocks 2 }'),
  scenario('a text for a name', 'MDM0102', 'model "S" { level 64 { channels 64  blocks 2 } }'),
  scenario(
    'a comparison for an assignment',
    'MDM0102',
    `
block b(x) {
  h == x | silu
  return h
}`,
  ),
  scenario(
    'a forgotten equals sign',
    'MDM0102',
    `
block b(x) {
  h x | silu
  return h
}`,
  ),
  scenario(
    'a layer without its colon',
    'MDM0102',
    `
block b(x) {
  return x | conv1 conv(3, 3)
}`,
  ),
  scenario(
    'if as a statement',
    'MDM0102',
    `
block b(x) {
  if channels(x) == 3 { return x }
  return x | silu
}`,
  ),
  scenario(
    'if without else',
    'MDM0102',
    `
block b(x) {
  h = if channels(x) == 3 then x
  return h
}`,
  ),
  scenario(
    'if without then',
    'MDM0102',
    `
block b(x) {
  return if channels(x) == 3 x else x | silu
}`,
  ),
  scenario(
    'for with one bound',
    'MDM0102',
    `
block b(x) {
  for i in 3 { x = x | silu }
  return x
}`,
  ),
  scenario(
    'nothing behind a pipe',
    'MDM0102',
    `
block b(x) {
  h = x | silu |
  return h
}`,
  ),
  scenario('two operators', 'MDM0102', 'block b(x) { return x + * 2 }'),
  scenario(
    'return without a value',
    'MDM0102',
    `
block b(x) {
  return
}`,
  ),
  scenario('values without a comma', 'MDM0102', 'block b(x) { return x | reshape([1 2]) }'),
  scenario(
    'a remark between slashes and stars',
    'MDM0101',
    `
/* my model */
model S { level 64 { channels 64  blocks 2 } }`,
  ),
  scenario(
    'several mistakes in one file',
    'MDM0102 MDM0111 MDM0121',
    `
modle S {
  level 64 { channels: 64  blocks 2 }
  midle { attention 1 }
}
block b(x) {
  return x |
}
block c(x) {
  h == x
  return h
}`,
  ),
  scenario(
    'a brace missing at the end',
    'MDM0103',
    `
model S {
  level 64 { channels 64  blocks 2 }
`,
  ),
  scenario(
    'a brace missing in the middle',
    'MDM0103',
    `
model S {
  level 64 { channels 64  blocks 2
  level 32 { channels 64  blocks 2 }
}`,
  ),
  scenario(
    'a brace missing before the next model',
    'MDM0103',
    `
model S {
  level 64 { channels 64  blocks 2 }

model T { level 64 { channels 64  blocks 2 } }`,
  ),
  scenario(
    'a parenthesis missing',
    'MDM0103',
    `
block b(x) {
  h = x | reshape([1, channels(x)]
  return h
}`,
  ),
  scenario(
    'a text without its end',
    'MDM0103',
    `
import { S64 } from "./S64.mdm
model S nests S64 { level 64 { channels 64  blocks 2 } }`,
  ),
  scenario('nesting too deep', 'MDM0104', `block b(x) { return ${'('.repeat(51)}x${')'.repeat(51)} }`),
  scenario(
    'a unit of something else',
    'MDM0105',
    `
model S {
  level 64px { channels 64k  blocks 2 }
  diffusion { steps 1% }
}`,
  ),
  scenario(
    'two models of one name',
    'MDM0106',
    `
model S { level 64 { channels 64  blocks 2 } }
model S { level 32 { channels 64  blocks 2 } }`,
  ),
  scenario(
    'names twice in a block',
    'MDM0106',
    `
block b(x, x) {
  h, h = x | chunk(2)
  return h | dropout(rate: 0.1, rate: 0.2)
}`,
  ),
  scenario(
    'a model that is not there',
    'MDM0107',
    `
model S64 { level 64 { channels 64  blocks 2 } }
model S256 nests S46 { level 128 { channels 64  blocks 2 }  level 64 { channels 64  blocks 2 } }`,
  ),
  scenario('a block that is not there', 'MDM0107', 'model S { level 64 { channels 64  blocks 2  use atention } }'),
  scenario(
    'training of a model that is not there',
    'MDM0107',
    `
model S { level 64 { channels 64  blocks 2 } }
train T { seed 1 }`,
  ),
  scenario(
    'order of a layer that is not there',
    'MDM0107',
    `
block b(x) {
  order conv1, conv3
  return x | conv1: conv(channels(x), 3) | conv2: conv(channels(x), 3)
}`,
  ),
  scenario(
    'a file that is not there',
    'MDM0108',
    `
import { S64 } from "./S46.mdm"
model S nests S64 { level 64 { channels 64  blocks 2 } }`,
  ),
  scenario('an import that the file does not have', 'MDM0109', 'import { S46 } from "./other.mdm"', {
    'other.mdm': 'model S64 { level 64 { channels 64  blocks 2 } }',
  }),
  scenario('imports in a circle', 'MDM0110', 'import { T } from "./other.mdm"', {
    'other.mdm': 'import { S } from "./mine.mdm"\nmodel T { level 64 { channels 64  blocks 2 } }',
  }),
  scenario(
    'models that nest each other',
    'MDM0110',
    `
model S nests T { level 64 { channels 64  blocks 2 } }
model T nests S { level 64 { channels 64  blocks 2 } }`,
  ),
  scenario(
    'misspelt keys',
    'MDM0111',
    `
model S {
  embeding 256
  levl 64 { channels 64  blocks 2 }
  level 32 { chanels 64  blocks 2  atention 1 }
}`,
  ),
  scenario(
    'a misspelt flag',
    'MDM0111',
    `
model S {
  level 64 { channels 64  blocks 2 }
  diffusion { schedule cosine shiftd }
}`,
  ),
  scenario(
    'a key of another section',
    'MDM0111',
    `
model S {
  level 64 { channels 64  blocks 2  schedule cosine }
}`,
  ),
  scenario('a key twice', 'MDM0112', 'model S { level 64 { channels 64  blocks 2  channels 128 } }'),
  scenario(
    'values of another kind',
    'MDM0113',
    `
model S {
  image rbg
  embedding "wide"
  condition text { width 64  masked 1 }
  level 64 { channels yes  blocks [1, 2] }
  diffusion { weights 1 2 }
}`,
  ),
  scenario('a key without its value', 'MDM0114', 'model S { level 64 { channels  blocks 2 } }'),
  scenario(
    'numbers out of range',
    'MDM0115',
    `
model S {
  dropout 1.5
  level 64 { channels 0  blocks 2.5 }
  diffusion { steps -1 }
}`,
  ),
  scenario('a number beyond all numbers', 'MDM0115', 'model S { level 64 { channels 1e999  blocks 2 } }'),
  scenario('a level without channels', 'MDM0116', 'model S { level 64 { blocks 2 } }'),
  scenario(
    'a section where none belongs',
    'MDM0117',
    `
model S {
  embedding 256 { width 3 }
  level 64 { channels 64  blocks 2 }
}`,
  ),
  scenario(
    'a parenthesis too many',
    'MDM0119',
    `
block b(x) {
  return x | reshape([1, channels(x))])
}`,
  ),
  scenario(
    'a brace too many',
    'MDM0119',
    `
model S {
  level 64 { channels 64  blocks 2 } }
}`,
  ),
  scenario(
    'a word of the language as a name',
    'MDM0120',
    `
block b(x, in) {
  return x
}`,
  ),
  scenario(
    'signs between keys and values',
    'MDM0121',
    `
model S {
  level 64 { channels = 64, blocks: 2 }
}`,
  ),
]
