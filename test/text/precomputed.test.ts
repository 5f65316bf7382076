/** Embeddings from a file. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openEncoder } from '../../runtime/text/open.js'
import { encoded, present, temporaryFolder, told, write, writeEmbeddings } from './support.js'

const folder = temporaryFolder()
const path = join(folder, 'embeddings.safetensors')
const counted = (...shape: readonly number[]) => ({
  shape,
  values: Array.from({ length: shape.reduce((count, size) => count * size, 1) }, (_, i) => i + 1),
})
const text = counted(3, 4, 2)
const mask = { shape: [3, 4], values: [1, 1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0] }
const prompts = JSON.stringify(['a cat', 'a red cat', ''])
const open = (width = 2) => told((report) => openEncoder(path, width, report), folder)

it('finds rows by their prompts', async () => {
  await writeEmbeddings(path, { text, text_mask: mask }, { prompts })
  const [encoder, words] = await open()
  expect(words).toBe('')
  const { rows, masks } = await encoded(encoder, ['a cat', '', 'a cat'])
  expect(rows).toEqual([
    [1, 2, 3, 4],
    [17, 18, 0, 0],
    [1, 2, 3, 4],
  ])
  expect(masks).toEqual([
    [1, 1],
    [1, 0],
    [1, 1],
  ])
})

it('finds rows by number in a file without prompts, and takes every token without a mask', async () => {
  await writeEmbeddings(path, { text })
  const [encoder] = await open()
  const { rows, masks } = await encoded(encoder, ['2', '0'])
  expect(rows).toEqual([text.values.slice(16), text.values.slice(0, 8)])
  expect(masks.flat().every((value) => value === 1)).toBe(true)
})

describe('refused:', () => {
  const one = { shape: [3, 4, 2], values: text.values.with(5, Number.NaN) }
  it.each<[string, Parameters<typeof writeEmbeddings>[1], Record<string, string>?]>([
    ['another tensor', { embeddings: text }],
    ['two axes', { text: counted(3, 2) }],
    ['no rows', { text: counted(0, 4, 2) }],
    ['another width', { text: counted(3, 4, 5) }],
    ['a mask of another shape', { text, text_mask: counted(3, 3) }],
    ['a mask of other values', { text, text_mask: counted(3, 4) }],
    ['elements that are no numbers', { text: one }],
    ['too few prompts', { text }, { prompts: '["a"]' }],
    ['prompts that are no JSON', { text }, { prompts: 'a cat' }],
    ['the same prompt twice', { text }, { prompts: '["a", "b", "a"]' }],
  ])('%s', async (_, tensors, metadata) => {
    await writeEmbeddings(path, tensors, metadata)
    const [encoder, words] = await open()
    expect(encoder).toBeUndefined()
    expect(words).toMatchSnapshot()
  })

  it('a file of another kind', async () => {
    write(path, 'not a tensor in sight')
    const [encoder, words] = await open()
    expect(encoder).toBeUndefined()
    expect(words).toContain('MDM0503')
  })

  it('prompts that the file does not have', async () => {
    await writeEmbeddings(path, { text }, { prompts: JSON.stringify(['a cat', 'a dog', 'a cow']) })
    const [found, words] = await told(
      async (report) => present(await openEncoder(path, 2, report)).encode(['a cta', 'a cat', '', 'something else']),
      folder,
    )
    expect(found).toBeUndefined()
    expect(words).toMatchSnapshot()
  })
})
