/** Which example comes when. */
import { describe, expect, it } from 'vitest'
import { expandBraces } from '../../runtime/data/braces.js'
import { clipOf } from '../../runtime/data/decode.js'
import { Order, uniforms } from '../../runtime/data/order.js'

const range = (count: number) => Array.from({ length: count }, (_, i) => i)
const epoch = (order: Order, number: number, length: number) => range(length).map((i) => order.at(number * length + i))

describe('the order', () => {
  it.each([1, 2, 3, 100, 5000])('has each of %i examples once in an epoch, in another order each time', (length) => {
    const order = new Order(length, 3)
    const epochs = range(6).map((number) => epoch(order, number, length))
    for (const one of epochs) expect(one.toSorted((a, b) => a - b)).toEqual(range(length))
    expect(new Set(epochs.map(String)).size).toBe(length < 4 ? new Set(epochs.map(String)).size : 6)
  })

  it('is the same whatever was asked before, and another for another seed', () => {
    const straight = new Order(50, 3)
    const all = range(300).map((position) => straight.at(position))
    const back = new Order(50, 3)
    expect(
      range(300)
        .map((i) => back.at(299 - i))
        .reverse(),
    ).toEqual(all)
    expect(epoch(new Order(50, 4), 0, 50)).not.toEqual(all.slice(0, 50))
  })

  it('is recorded: a resumed run of a later version must go on alike', () => {
    const order = new Order(10, 1)
    expect([epoch(order, 0, 10), epoch(order, 1, 10)]).toMatchInlineSnapshot(`
      [
        [
          8,
          1,
          3,
          0,
          6,
          7,
          4,
          2,
          9,
          5,
        ],
        [
          9,
          4,
          7,
          5,
          3,
          1,
          8,
          0,
          6,
          2,
        ],
      ]
    `)
    expect(range(5).map((attempt) => order.instead(3, attempt))).toMatchInlineSnapshot(`
      [
        8,
        1,
        6,
        4,
        9,
      ]
    `)
  })

  it('puts each example everywhere alike', () => {
    const order = new Order(4, 11)
    const counts = range(16).map(() => 0)
    for (let position = 0; position < 4 * 4000; position++) {
      const place = 4 * (position % 4) + order.at(position)
      counts[place] = (counts[place] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120)
  })

  it('has each example once in place of a damaged one', () => {
    const order = new Order(30, 5)
    expect(
      range(30)
        .map((attempt) => order.instead(47, attempt))
        .sort((a, b) => a - b),
    ).toEqual(range(30))
  })
})

it('draws from 0 up to 1, at any place of a stream', () => {
  const all = uniforms(9, 'data:flip', 0, 20_000)
  expect(Math.min(...all)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...all)).toBeLessThan(1)
  expect(uniforms(9, 'data:flip', 777, 5)).toEqual(all.slice(777, 782))
})

describe('a clip', () => {
  it.each([
    [16, 16, 1, 0.99, range(16)],
    [100, 4, 1, 0, [0, 1, 2, 3]],
    [100, 4, 1, 0.999, [96, 97, 98, 99]],
    [100, 4, 10, 0, [0, 10, 20, 30]],
    [100, 4, 10, 0.999, [69, 79, 89, 99]],
    [8, 4, 10, 0.999, [1, 3, 5, 7]],
  ])('of %i frames: %i, %i apart, at %f', (count, frames, stride, moment, clip) => {
    expect(clipOf(count, frames, stride, moment)).toEqual(clip)
  })

  it('needs enough frames', () => {
    expect(() => clipOf(3, 4, 1, 0)).toThrow('it has 3 frames, and 4 are needed')
  })
})

it.each([
  ['a.tar', ['a.tar']],
  ['a-{000..002}.tar', ['a-000.tar', 'a-001.tar', 'a-002.tar']],
  ['{9..11}', ['9', '10', '11']],
  ['{a,b}/{0..1}.tar', ['a/0.tar', 'a/1.tar', 'b/0.tar', 'b/1.tar']],
  ['{2..1}.tar', []],
  ['{a}.tar', ['{a}.tar']],
])('%s stands for %j', (pattern, paths) => {
  expect(expandBraces(pattern)).toEqual(paths)
})
