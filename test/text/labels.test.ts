/** Labels by name and number. */
import { describe, expect, it } from 'vitest'
import type { Condition } from '../../compiler/check/model.js'
import { labelsOf } from '../../runtime/text/labels.js'
import { told } from './support.js'

const animals = { kind: 'label', classes: 3, names: ['cat', 'dog', 'mouse'], crossAttention: false } as const
const digits = { ...animals, names: ['2', '1', '0'] }
const unnamed = { ...animals, names: [] }
const text: Condition = {
  kind: 'text',
  width: 8,
  project: undefined,
  layers: 0,
  masked: true,
  crossAttention: true,
  encoder: undefined,
}

it.each([
  ['names and numbers', animals, ['dog', '0', 'mouse', '02'], [1, 0, 2, 2]],
  ['no class', animals, ['', '-1', 'cat'], [-1, -1, 0]],
  ['names before numbers', digits, ['0', '1', '2'], [2, 1, 0]],
  ['numbers alone', unnamed, ['2'], [2]],
])('%s', async (_, condition, labels, numbers) => {
  const [tensor, words] = await told((report) => labelsOf(condition, labels, report))
  expect(words).toBe('')
  expect(tensor).toEqual({ shape: [labels.length], data: Float64Array.from(numbers) })
})

describe('refused:', () => {
  it.each<[string, Condition | undefined, readonly string[]]>([
    ['misspelt, out of range and unknown', animals, ['Mause', '3', 'horse', 'cat']],
    ['a name where there are none', unnamed, ['cat', '1.5', '-2', '1e0']],
    ['no label', animals, []],
    ['a model of text', text, ['cat']],
    ['a model without condition', undefined, ['cat']],
  ])('%s', async (_, condition, labels) => {
    const [tensor, words] = await told((report) => labelsOf(condition, labels, report))
    expect(tensor).toBeUndefined()
    expect(words).toMatchSnapshot()
  })
})
