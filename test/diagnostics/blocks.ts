/** Mistakes in blocks, and blocks that do not fit where they are used. */
import { scenario } from './scenario.js'

/** A model that uses block `b` in one level. */
const model = (use: string) => `
model S {
  level 32 { channels 32  blocks 1  use ${use} }
  level 16 { channels 32  blocks 1 }
}`

export const blocks = [
  scenario(
    'values without a name',
    'MDM0301',
    `
block b(x, scale) {
  hidden = x | silu
  y = hiden * scale
  z = gelu * y
  return z + count
}`,
  ),
  scenario(
    'functions that are not there',
    'MDM0302',
    `
block b(x) {
  h = x | c: cnov(3, 3)
  return h | maxpool(2)
}`,
  ),
  scenario(
    'arguments that are not there',
    'MDM0303',
    `
block b(x) {
  return x | c: conv(3, kernl: 3) | silu(fast: yes)
}`,
  ),
  scenario(
    'an argument that a used block does not have',
    'MDM0303',
    `
block b(x, depth = 1) { return x }${model('b(deph: 2)')}`,
  ),
  scenario(
    'too many arguments',
    'MDM0304',
    `
block b(x) {
  return x | silu(3)
}`,
  ),
  scenario(
    'an argument missing',
    'MDM0305',
    `
block b(x) {
  return x | c: conv(3) | inner
}
block inner(x, y) { return x + y }`,
  ),
  scenario(
    'a layer without a name',
    'MDM0306',
    `
block b(x) {
  return x | conv(3, 3)
}`,
  ),
  scenario(
    'a name for what stores nothing',
    'MDM0307',
    `
block b(x) {
  return x | act: silu | twice: double
}
block double(x) { return 2 * x }`,
  ),
  scenario(
    'a layer name twice',
    'MDM0308',
    `
block b(x) {
  for i in 0..2 { x = x | c: conv(channels(x), 3) }
  return x
}${model('b')}`,
  ),
  scenario(
    'values of another kind',
    'MDM0309',
    `
block b(x) {
  return x | dropout(x)
}${model('b')}`,
  ),
  scenario(
    'shapes that do not fit',
    'MDM0310',
    `
// The embedding has one feature too many.
block b(x, emb, out) {
  shift = emb | time: linear(out + 1)
  return (x | c: conv(out, 3)) + shift
}${model('b')}`,
  ),
  scenario(
    'a mistake in a block used by a block',
    'MDM0310',
    `
block halves(x) {
  a, b = x | chunk(5)
  return concat(a, b)
}
block b(x) {
  return x | halves
}${model('b')}`,
  ),
  scenario(
    'a block that changes the shape',
    'MDM0311',
    `
block b(x) {
  return x | c: conv(2 * channels(x), 3)
}${model('b')}`,
  ),
  scenario(
    'a block that gives no tensor',
    'MDM0311',
    `
block b(x) {
  return channels(x)
}${model('b')}`,
  ),
  scenario(
    'no return',
    'MDM0312',
    `
block b(x) {
  h = x | silu
}`,
  ),
  scenario(
    'names and values that differ in number',
    'MDM0313',
    `
block b(x) {
  a, b, c = x | chunk(2)
  return a
}${model('b')}`,
  ),
  scenario(
    'blocks in a circle',
    'MDM0314',
    `
block one(x) { return two(x) }
block two(x) { return one(x) }`,
  ),
  scenario(
    'a loop without end',
    'MDM0315',
    `
block b(x) {
  for i in 0..100000 { x = x + 1 }
  return x
}${model('b')}`,
  ),
  scenario(
    'statements behind return',
    'MDM0316',
    `
block b(x) {
  return x
  x = x | silu
}`,
  ),
  scenario(
    'something that the place does not give',
    'MDM0317',
    `
block b(x, embd, factor) {
  return factor * x
}${model('b')}`,
  ),
  scenario(
    'frames that form no square',
    'MDM0318',
    `
model S { embedding 128  level 8 { channels 32  blocks 1 } }
model V nests S {
  level 8 { frames 2  channels 32  blocks 1 }
  level 8 { frames 1  channels 32  blocks 1 }
}
model W nests V {
  level 16 { frames 2  channels 32  blocks 1 }
  level 8 { frames 2  channels 32  blocks 1 }
}`,
  ),
  scenario(
    'numbers with units',
    'MDM0319',
    `
block b(x) {
  return x | dropout(10%)
}`,
  ),
  scenario(
    'arguments of a used block without names',
    'MDM0320',
    `
block b(x, factor) { return factor * x }${model('b(2)')}`,
  ),
]
