/** The built-in data set. */
import { expect, it } from 'vitest'
import { emojiCaption } from '../../runtime/data/emoji.js'
import { openDataset } from '../../runtime/data/open.js'
import { bytesOf, present, reader, told } from './support.js'

const batches = reader()

it('has 1,911 emoji, each with a caption of its own and a category', async () => {
  const [dataset, words] = await told((report) => openDataset('emoji', 1, report))
  expect(words).toBe('')
  const set = present(dataset)
  expect([set.name, set.length, set.captioned, set.labelled, set.classes.length]).toEqual([
    'emoji',
    1911,
    1911,
    1911,
    10,
  ])
  const captions = Array.from({ length: set.length }, (_, i) => set.caption(i) ?? '')
  expect(new Set(captions).size).toBe(1911)
  for (const caption of captions) expect(caption).toMatch(/^[\p{Ll}\p{N}\p{Lo}](?:.*[^\s])?$/u)
  expect(captions).toEqual(expect.arrayContaining(['grinning face', 'red heart', 'person in tuxedo', 'man in tuxedo']))
})

it('is read whole, each emoji once in an epoch', async () => {
  const dataset = present(await openDataset('emoji', 1, () => undefined))
  const epoch = await batches(dataset, { side: 64, batch: 49 }, 39)
  const examples = epoch.flatMap((batch) => batch.examples)
  expect(examples.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1911 }, (_, i) => i))
  for (const { images } of epoch) {
    expect(images.data.every((value) => value >= -1 && value <= 1)).toBe(true)
    expect(images.data.includes(1) && images.data.some((value) => value < 0)).toBe(true)
  }
  // Every emoji lies on white.
  const corner = epoch.flatMap(({ images }) => bytesOf({ shape: [1], data: images.data.subarray(0, 1) }))
  expect(corner.filter((byte) => byte === 255).length).toBeGreaterThan(30)
})

it.each([
  ['HEAVY BLACK HEART', 'red heart'],
  ['BLACK HEART', 'black heart'],
  ['BLACK CAT', 'black cat'],
  ['BLACK SUN WITH RAYS', 'sun with rays'],
  ['WHITE LEFT POINTING BACKHAND INDEX', 'left pointing backhand index'],
  ['BLACK QUESTION MARK ORNAMENT', 'red question mark'],
  ['SQUARED CJK UNIFIED IDEOGRAPH-7121', 'squared ideograph \u7121'],
  ['FAMILY: MAN, GIRL', 'family, man, girl'],
  ['Côte d’Ivoire Flag', 'côte d’ivoire flag'],
  ['EMOJI MODIFIER FITZPATRICK TYPE-3', 'skin tone type-3'],
])('%s is called %s', (name, caption) => {
  expect(emojiCaption(name)).toBe(caption)
})

it('has no videos', async () => {
  const [dataset, words] = await told((report) => openDataset('emoji', 16, report))
  expect(dataset).toBeUndefined()
  expect(words).toMatchSnapshot()
})
