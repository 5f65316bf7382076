/** What a data set knows of itself. */
import { describe, expect, it } from 'vitest'
import { Dataset } from '../../runtime/data/dataset.js'
import type { Example } from '../../runtime/data/example.js'

const example = (name: string, changes: Partial<Example> = {}): Example => ({
  name,
  bytes: 10,
  caption: 'a cat',
  label: undefined,
  source: { kind: 'image', place: { file: name } },
  ...changes,
})
const many = Array.from({ length: 1000 }, (_, i) => example(`${i}.png`, { label: `class ${i % 3}` }))
const names = (dataset: Dataset) => Array.from({ length: dataset.length }, (_, i) => dataset.nameOf(i))

describe('the fingerprint', () => {
  const print = (...examples: readonly Example[]) => new Dataset('x', examples).fingerprint

  it('is recorded: a run is resumed only if it is the same', () => {
    expect(print(example('a'), example('b'))).toMatchInlineSnapshot(
      `"b693449e76d8a20e5c3f0737f3382ac4ca8d01c1345d6bb29ceaaf1f478c4b90"`,
    )
  })

  it.each([
    ['the order', [example('b'), example('a')]],
    ['a name', [example('a'), example('c')]],
    ['a size', [example('a'), example('b', { bytes: 11 })]],
    ['a caption', [example('a'), example('b', { caption: 'a dog' })]],
    ['a label', [example('a'), example('b', { label: 'dog' })]],
    ['the number', [example('a')]],
  ])('changes with %s', (_, examples) => {
    expect(print(...examples)).not.toBe(print(example('a'), example('b')))
  })

  it('does not change with the place or the name of the whole', () => {
    const moved = example('a', { source: { kind: 'image', place: { file: '/elsewhere/a' } } })
    expect(new Dataset('y', [moved]).fingerprint).toBe(print(example('a')))
  })
})

describe('what is held out', () => {
  it('is a share of the examples, the rest is for training', () => {
    const whole = new Dataset('x', many)
    const { training, heldOut } = whole.heldOut(0.1)
    expect(Math.abs(heldOut.length - 100)).toBeLessThan(35)
    expect([...names(training), ...names(heldOut)].sort()).toEqual(names(whole).sort())
    expect([training.name, heldOut.name]).toEqual(['x (training)', 'x (held out)'])
    expect(heldOut.classes).toEqual(whole.classes)
  })

  it('stays so as examples are added', () => {
    const few = names(new Dataset('x', many.slice(0, 500)).heldOut(0.1).heldOut)
    expect(names(new Dataset('x', many).heldOut(0.1).heldOut)).toEqual(expect.arrayContaining(few))
  })

  it.each([2, 3, 10])('is never all nor nothing of %i examples', (count) => {
    for (const share of [0.0001, 0.9999]) {
      const { training, heldOut } = new Dataset('x', many.slice(0, count)).heldOut(share)
      expect(training.length).toBeGreaterThan(0)
      expect(heldOut.length).toBeGreaterThan(0)
      expect(training.length + heldOut.length).toBe(count)
    }
  })
})

it('sorts classes: numbers by size', () => {
  const classes = (...labels: readonly string[]) =>
    new Dataset(
      'x',
      labels.map((label) => example(label, { label })),
    ).classes
  expect(classes('10', '9', '1')).toEqual(['1', '9', '10'])
  expect(classes('10', '9', 'a')).toEqual(['10', '9', 'a'])
})

it('has no example beyond its last', () => {
  expect(() => new Dataset('x', many).caption(1000)).toThrow('no example 1000')
})
