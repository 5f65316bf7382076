/** The built-in text encoder: the same vectors everywhere, and nothing else in them than the prompt's words. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { hashEncoder, wordsOf } from '../../runtime/text/hash.js'
import { openEncoder } from '../../runtime/text/open.js'
import { encoded, told } from './support.js'

const encoder = hashEncoder(48, () => undefined)

describe('words', () => {
  it.each([
    ['A red cat, on a mat.', ['a', 'red', 'cat', ',', 'on', 'a', 'mat', '.']],
    ["don't  stop", ['don', "'", 't', 'stop']],
    ['Ünïcode Straße ΩΣ 東京 3D', ['ünïcode', 'straße', 'ωσ', '東京', '3d']],
    ['e\u0301', ['\u00e9']],
    ['\uff21\uff11', ['a1']],
    ['हिन्दी', ['हिन्दी']],
    ['🐈!!', ['🐈', '!', '!']],
    [' \t\n', []],
  ])('%s', (prompt, words) => {
    // The last letter of a Greek word has a form of its own.
    expect(wordsOf(prompt)).toEqual(words.map((word) => (word === 'ωσ' ? 'ως' : word)))
  })
})

it('has the recorded vectors, to the bit', async () => {
  const { text } = await encoded(encoder, ['a red cat', '', 'Ünïcode 東京 🐈'])
  expect(text.shape).toEqual([3, 4, 48])
  const { buffer } = Float32Array.from(text.data)
  expect(createHash('sha256').update(new Uint8Array(buffer)).digest('hex')).toMatchInlineSnapshot(
    `"476c82b4a93783f749c903e24f7219ed0329ad1cfc9c2a56cf5b7d977a1d7926"`,
  )
  expect([...text.data.slice(0, 4)]).toMatchInlineSnapshot(`
    [
      -0.8524138927459717,
      0.11089640110731125,
      -0.19232280552387238,
      -0.4059387445449829,
    ]
  `)
})

it('pads with zeros to the longest prompt', async () => {
  const { rows, masks } = await encoded(encoder, ['a red cat', '', 'cat'])
  expect(masks).toEqual([
    [1, 1, 1, 1],
    [1, 0, 0, 0],
    [1, 1, 0, 0],
  ])
  expect(rows[1]?.slice(48).every((value) => value === 0)).toBe(true)
})

it('gives vectors of mean square 1 that hardly resemble each other', async () => {
  const wide = hashEncoder(2048, () => undefined)
  const { rows } = await encoded(wide, ['a red cat on the mat'])
  const vectors = Array.from({ length: 7 }, (_, i) => rows[0]?.slice(i * 2048, (i + 1) * 2048) ?? [])
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0) / 2048
  vectors.forEach((a, i) =>
    vectors.forEach((b, j) => {
      if (i === j) expect(dot(a, b)).toBeCloseTo(1, 6)
      else expect(Math.abs(dot(a, b))).toBeLessThan(0.12)
    }),
  )
})

it('encodes a prompt alike whatever stands beside it', async () => {
  const alone = await encoded(encoder, ['red cat'])
  const among = await encoded(encoder, ['on the mat', 'red cat', 'RED  CAT'])
  expect(among.rows[1]?.slice(0, 3 * 48)).toEqual(alone.rows[0])
  expect(among.rows[2]).toEqual(among.rows[1])
})

it('ends every prompt alike, and the empty prompt is the end alone', async () => {
  const { rows } = await encoded(encoder, ['cat', '', 'end'])
  expect(rows[0]?.slice(48)).toEqual(rows[1]?.slice(0, 48))
  expect(rows[2]?.slice(0, 48)).not.toEqual(rows[1]?.slice(0, 48))
})

it('leaves tokens beyond 128 out, and says so', async () => {
  const long = Array.from({ length: 200 }, (_, i) => `word${i}`).join(' ')
  const [found, text] = await told(async (report) => encoded(await openEncoder('hash', 8, report), [long, '']))
  expect(found.text.shape).toEqual([2, 128, 8])
  expect(found.rows[0]?.slice(-8)).toEqual(found.rows[1]?.slice(0, 8))
  expect(text).toMatchInlineSnapshot(`
    "warning MDM0712: the prompt \`word0 word1 word2 word3 word4 word5 word...\` has 201 tokens; those beyond 128 are left out
      the published models were trained with no longer ones"
  `)
})

it('refuses an empty list', async () => {
  const [found, text] = await told((report) => hashEncoder(8, report).encode([]))
  expect(found).toBeUndefined()
  expect(text).toMatchInlineSnapshot(`
    "error MDM0705: no prompt is given
      help: give at least one prompt; an empty one stands for no condition"
  `)
})
