/** Each identity that simplify knows: what is left of a graph, by op. */
import { describe, expect, it } from 'vitest'
import { symbol } from '../../compiler/ir/dimension.js'
import type { Value } from '../../compiler/ir/graph.js'
import { printGraph } from '../../compiler/ir/print.js'
import { assertValid } from '../../compiler/ir/verify.js'
import type { Builder } from '../../compiler/ops/index.js'
import { eliminateDead } from '../../compiler/passes/eliminate_dead.js'
import { simplify } from '../../compiler/passes/simplify.js'
import { countOps, graphOf } from './graphs.js'

const batch = symbol('batch')

function leftOf(build: (x: Value, b: Builder) => Value): Readonly<Record<string, number>> {
  const graph = eliminateDead.run(simplify.run(graphOf(build)))
  assertValid(graph, 'simplify')
  return countOps(graph)
}

const identities: readonly (readonly [string, (x: Value, b: Builder) => Value])[] = [
  ['x + 0', (x, b) => b.add(x, 0)],
  ['0 + x', (x, b) => b.add(0, x)],
  ['x - 0', (x, b) => b.sub(x, 0)],
  ['x * 1', (x, b) => b.mul(x, 1)],
  ['a tensor of ones * x', (x, b) => b.mul(b.tensor({ shape: [1, 4], data: Float32Array.of(1, 1, 1, 1) }), x)],
  ['x / 1', (x, b) => b.div(x, 1)],
  ['-(-x)', (x, b) => b.negate(b.negate(x))],
  ['x * 2 / 2', (x, b) => b.div(b.mul(x, 2), 2)],
  ['reshape to the same shape', (x, b) => b.reshape(x, { shape: [batch, 4] })],
  ['reshape there and back', (x, b) => b.reshape(b.reshape(x, { shape: [batch, 2, 2] }), { shape: [batch, 4] })],
  ['broadcast to the same shape', (x, b) => b.broadcast(x, { shape: [batch, 4] })],
  ['transpose by nothing', (x, b) => b.transpose(x, { permutation: [0, 1] })],
  ['transpose twice', (x, b) => b.transpose(b.transpose(x, { permutation: [1, 0] }), { permutation: [1, 0] })],
  ['slice of a whole axis', (x, b) => b.slice(x, { axis: 1, start: 0, end: 4 })],
  ['slice of a whole batch', (x, b) => b.slice(x, { axis: 0, start: 0, end: batch })],
  ['slice of a concat', (x, b) => b.slice(b.concat(x, b.exp(x), { axis: 1 }), { axis: 1, start: 0, end: 4 })],
  ['half of two batches', (x, b) => b.slice(b.concat(x, b.exp(x), { axis: 0 }), { axis: 0, start: 0, end: batch })],
  ['padding cut off', (x, b) => b.slice(b.pad(x, { axis: 1, before: 0, to: 6 }), { axis: 1, start: 0, end: 4 })],
  [
    'padding cut off on both sides',
    (x, b) => b.slice(b.pad(x, { axis: 1, before: 2, to: 8 }), { axis: 1, start: 2, end: 6 }),
  ],
  ['pad to the same size', (x, b) => b.pad(x, { axis: 1, before: 0, to: 4 })],
  [
    'concat of both halves',
    (x, b) =>
      b.concat(b.slice(x, { axis: 1, start: 0, end: 1 }), b.slice(x, { axis: 1, start: 1, end: 4 }), { axis: 1 }),
  ],
  ['sum over no axes', (x, b) => b.sum(x, { axes: [], keep: false })],
  ['dropout of nothing', (x, b) => b.dropout(x, { rate: 0 })],
]

describe('nothing is left of', () => {
  it.each(identities)('%s', (_, build) => expect(leftOf(build)).toEqual({ input: 1 }))
})

it('upsampling by one vanishes', () => {
  const graph = graphOf((x, b) => b.upsample(x, { factor: 1 }), [batch, 3, 4, 4])
  expect(countOps(simplify.run(graph))).toEqual({ input: 1 })
})

describe('two become one', () => {
  it('factors, of which one is a power of two', () => {
    expect(leftOf((x, b) => b.mul(b.mul(x, 0.3), 4))).toEqual({ input: 1, constant: 1, mul: 1 })
    expect(leftOf((x, b) => b.mul(0.3, b.div(x, 8)))).toEqual({ input: 1, constant: 1, mul: 1 })
  })
  it('reshapes', () => {
    expect(leftOf((x, b) => b.reshape(b.reshape(x, { shape: [batch, 2, 2] }), { shape: [batch, 4, 1] }))).toEqual({
      input: 1,
      reshape: 1,
    })
  })
  it('transposes, the inner one first', () => {
    const graph = graphOf(
      (x, b) => b.transpose(b.transpose(x, { permutation: [2, 0, 1] }), { permutation: [1, 0, 2] }),
      [batch, 2, 3],
    )
    expect(countOps(eliminateDead.run(simplify.run(graph)))).toEqual({ input: 1, transpose: 1 })
    expect(printGraph(simplify.run(graph))).toContain('{permutation: [0, 2, 1]} : float32[batch, 3, 2]')
  })
  it('slices', () => {
    const build = (x: Value, b: Builder) =>
      b.slice(b.slice(x, { axis: 1, start: 1, end: 4 }), { axis: 1, start: 1, end: 2 })
    expect(leftOf(build)).toEqual({ input: 1, slice: 1 })
    expect(printGraph(simplify.run(graphOf(build)))).toContain('{axis: 1, start: 2, end: 3}')
  })
  it('slice and concat, within the second part', () => {
    expect(leftOf((x, b) => b.slice(b.concat(b.exp(x), x, { axis: 1 }), { axis: 1, start: 5, end: 7 }))).toEqual({
      input: 1,
      slice: 1,
    })
  })
  it('paddings along one axis', () => {
    const build = (x: Value, b: Builder) =>
      b.pad(b.pad(x, { axis: 1, before: 1, to: 6 }), { axis: 1, before: 2, to: 9 })
    expect(leftOf(build)).toEqual({ input: 1, pad: 1 })
    expect(printGraph(simplify.run(graphOf(build)))).toContain('{axis: 1, before: 3, to: 9}')
  })
  it('a sum of two paddings and one of both joined, in either order', () => {
    const ahead = (x: Value, b: Builder) => b.pad(b.exp(x), { axis: 1, before: 1, to: 10 })
    const behind = (x: Value, b: Builder) => b.pad(x, { axis: 1, before: 5, to: 10 })
    for (const build of [
      (x: Value, b: Builder) => b.add(ahead(x, b), behind(x, b)),
      (x: Value, b: Builder) => b.add(behind(x, b), ahead(x, b)),
    ]) {
      expect(leftOf(build)).toEqual({ input: 1, exp: 1, concat: 1, pad: 1 })
      const text = printGraph(eliminateDead.run(simplify.run(graphOf(build))))
      expect(text).toMatch(/concat\(%\d+, %0\) \{axis: 1\}/)
      expect(text).toContain('{axis: 1, before: 1, to: 10}')
    }
  })
  it('broadcast and the op that repeats its operands itself', () => {
    const build = (x: Value, b: Builder) => {
      const row = b.sum(x, { axes: [1], keep: true })
      return b.mul(x, b.broadcast(row, { shape: [batch, 4] }))
    }
    expect(leftOf(build)).toEqual({ input: 1, sum: 1, mul: 1 })
  })
})

describe('what must stay', () => {
  it('factors whose merging would round differently', () => {
    expect(leftOf((x, b) => b.mul(b.mul(x, 0.3), 0.7))).toMatchObject({ mul: 2 })
    expect(leftOf((x, b) => b.mul(b.mul(x, 3), 5))).toMatchObject({ mul: 2 })
    expect(leftOf((x, b) => b.div(b.mul(x, 4), 3))).toMatchObject({ mul: 1, div: 1 })
  })
  it('x + 0 that stretches x', () => {
    expect(leftOf((x, b) => b.add(x, b.tensor({ shape: [3, 1, 4], data: new Float32Array(12) })))).toMatchObject({
      add: 1,
    })
  })
  it('dropout that drops', () => expect(leftOf((x, b) => b.dropout(x, { rate: 0.1 }))).toMatchObject({ dropout: 1 }))
  it('a slice across the seam', () => {
    expect(leftOf((x, b) => b.slice(b.concat(x, b.exp(x), { axis: 1 }), { axis: 1, start: 2, end: 6 }))).toMatchObject({
      slice: 1,
      concat: 1,
    })
  })
  it('paddings whose sum repeats one of them', () => {
    const row = (b: Builder) => b.tensor({ shape: [1, 4], data: Float32Array.of(1, 2, 3, 4) })
    const build = (x: Value, b: Builder) =>
      b.add(b.pad(x, { axis: 1, before: 0, to: 8 }), b.pad(row(b), { axis: 1, before: 4, to: 8 }))
    expect(leftOf(build)).toMatchObject({ pad: 2, add: 1 })
    const deeper = (x: Value, b: Builder) => {
      const other = b.pad(b.reshape(x, { shape: [2, 1, 4] }), { axis: 1, before: 1, to: 2 })
      return b.add(b.pad(b.slice(x, { axis: 1, start: 0, end: 1 }), { axis: 1, before: 0, to: 4 }), other)
    }
    const graph = graphOf(deeper, [2, 4])
    expect(countOps(eliminateDead.run(simplify.run(graph)))).toMatchObject({ pad: 2, add: 1 })
  })
  it('paddings with a gap between them, or that overlap', () => {
    for (const before of [3, 5]) {
      const build = (x: Value, b: Builder) =>
        b.add(b.pad(x, { axis: 1, before: 0, to: 10 }), b.pad(b.exp(x), { axis: 1, before, to: 10 }))
      expect(leftOf(build)).toMatchObject({ pad: 2, add: 1 })
    }
  })
  it('a part of what was padded', () => {
    const build = (x: Value, b: Builder) =>
      b.slice(b.pad(x, { axis: 1, before: 2, to: 8 }), { axis: 1, start: 1, end: 5 })
    expect(leftOf(build)).toMatchObject({ pad: 1, slice: 1 })
  })
  it('the only reading of 0 - x', () => expect(leftOf((x, b) => b.sub(0, x))).toMatchObject({ sub: 1 }))
})
