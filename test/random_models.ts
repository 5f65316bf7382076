/** Random models: valid ones, and ones with a number or a level out of place. */
import fc from 'fast-check'

interface Part {
  readonly blocks: number
  readonly attention: number
  readonly channels: number
}

const part = (channels: readonly number[]) =>
  fc.record({
    blocks: fc.integer({ min: 1, max: 2 }),
    attention: fc.integer({ min: 0, max: 1 }),
    channels: fc.constantFrom(...channels),
  })

const condition = fc.oneof(
  fc.constant(''),
  fc
    .record({
      width: fc.constantFrom(8, 24),
      layers: fc.integer({ min: 0, max: 1 }),
      project: fc.boolean(),
      masked: fc.boolean(),
      cross: fc.boolean(),
    })
    .map(
      ({ width, layers, project, masked, cross }) =>
        `condition text { width ${width}  layers ${layers} ${project ? 'project 16' : ''} masked ${masked ? 'yes' : 'no'}  cross_attention ${cross ? 'yes' : 'no'} }`,
    ),
  fc
    .record({ classes: fc.integer({ min: 1, max: 12 }), cross: fc.boolean() })
    .map(({ classes, cross }) => `condition label { classes ${classes}  cross_attention ${cross ? 'yes' : 'no'} }`),
)

const settings = fc.subarray([
  'dropout 10%',
  'heads 4',
  'groups 16',
  'feed_forward no',
  'image gray',
  'micro scale 32',
  'middle { attention 1 }',
  'use_block',
])
const diffusion = fc.constantFrom(
  '',
  'diffusion { schedule ddpm }',
  'diffusion { schedule cosine shifted  predict noise }',
  'diffusion { loss mse highest }',
)

function levels(side: number, parts: readonly Part[], extra = ''): string {
  return parts
    .map(
      ({ blocks, attention, channels }, i) =>
        `  level ${side / 2 ** i} { channels ${channels}  blocks ${blocks}  attention ${attention} ${i === 0 ? extra : ''} }`,
    )
    .join('\n')
}

const own = `block own(x, emb, factor = 1) {
  return x + factor * (x | conv1: conv(channels(x), 3) | silu) + (emb | shift: linear(channels(x)))
}
`

const modelsOf = (sides: readonly number[], channels: readonly number[], most: number): fc.Arbitrary<string> =>
  fc
    .record({
      side: fc.constantFrom(...sides),
      inner: fc.array(part(channels), { minLength: 1, maxLength: most }),
      // With one level alone the outer model would have the inner one's resolution.
      outer: fc.array(part(channels), { minLength: 2, maxLength: 2 }),
      nests: fc.boolean(),
      condition,
      settings,
      diffusion,
      frames: fc.boolean(),
    })
    .map(sourceOf)

/** A file with one model, or two of which one nests the other; no mistakes. */
export const validModels = modelsOf([8, 16, 32], [32, 64, 96], 3)

/** The same on a few pixels, for tests that run them. */
export const smallModels = modelsOf([4], [32], 2)

interface Recipe {
  readonly side: number
  readonly inner: readonly Part[]
  readonly outer: readonly Part[]
  readonly nests: boolean
  readonly condition: string
  readonly settings: readonly string[]
  readonly diffusion: string
  readonly frames: boolean
}

function sourceOf(recipe: Recipe): string {
  const { side, inner, outer, nests, condition: text, settings: chosen, diffusion: process, frames } = recipe
  const use = chosen.includes('use_block') ? 'use own(factor: 0.5)' : ''
  const lines = [text, ...chosen.filter((line) => line !== 'use_block')].map((line) => `  ${line}`)
  const base = `model Inner {\n  embedding 64\n${lines.join('\n')}\n${levels(side, inner, use)}\n  ${process}\n}\n`
  if (!nests) return own + base
  const groups = chosen.includes('groups 16') ? '  groups 16\n' : ''
  const video = `  level ${side} { frames 2  channels 32  blocks 1  temporal_attention 1 }\n  level ${side} { frames 1  channels 32  blocks 1 }`
  const image = levels(side * 2 ** (outer.length - 1), outer)
  return `${own + base}\nmodel Outer nests Inner {\n${groups}${frames ? video : image}\n}\n`
}

/** A valid file with one of its numbers or words changed. */
export const changedModels: fc.Arbitrary<string> = fc
  .record({
    text: validModels,
    at: fc.nat(),
    to: fc.constantFrom('0', '1', '7', '33', '100', '1024', '-5', '0.5', '1e9', 'x', 'yes', '"text"', '', '{'),
  })
  .map(({ text, at, to }) => {
    const places = [...text.matchAll(/\d+|[a-z_]+/g)]
    const place = places[at % places.length]
    return place ? text.slice(0, place.index) + to + text.slice(place.index + place[0].length) : text
  })
