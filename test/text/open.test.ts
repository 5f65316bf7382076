/** Which encoder a setting chooses, and what is refused. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Condition } from '../../compiler/check/model.js'
import { encoderOf, openEncoder } from '../../runtime/text/open.js'
import { temporaryFolder, told } from './support.js'

const folder = temporaryFolder()
const text = (encoder: string | undefined): Condition => ({
  kind: 'text',
  width: 8,
  project: undefined,
  layers: 0,
  masked: true,
  crossAttention: true,
  encoder,
})
const label: Condition = { kind: 'label', classes: 3, names: [], crossAttention: false }

it.each([
  ['what the model names', text('hash'), undefined],
  ['what is given', text(undefined), 'hash'],
  ['what is given before what the model names', text('not there'), 'hash'],
])('opens %s', async (_, condition, setting) => {
  const [encoder, words] = await told((report) => encoderOf(condition, setting, report))
  expect(words).toBe('')
  expect(encoder?.width).toBe(8)
})

describe('refused:', () => {
  it.each([
    ['a misspelt name', 'hsah'],
    ['a path that is not there', join(folder, 'flan-t5-xl')],
    ['a path through a file', join(import.meta.filename, 'encoder')],
    ['a path that cannot be', 'a\0b'],
  ])('%s', async (_, setting) => {
    const [encoder, words] = await told((report) => openEncoder(setting, 8, report), folder)
    expect(encoder).toBeUndefined()
    expect(words.replace(import.meta.dirname.replaceAll('\\', '/'), '...')).toMatchSnapshot()
  })

  it.each([
    ['a model whose encoder nobody named', text(undefined), undefined],
    ['a model of labels', label, 'hash'],
    ['a model without condition', undefined, undefined],
  ])('%s', async (_, condition, setting) => {
    const [encoder, words] = await told((report) => encoderOf(condition, setting, report))
    expect(encoder).toBeUndefined()
    expect(words).toMatchSnapshot()
  })
})
