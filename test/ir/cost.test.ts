/** Operations, parameters and memory of graphs small enough to count by hand. */
import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../compiler/ir/builder.js'
import { costOf } from '../../compiler/ir/cost.js'
import { symbol } from '../../compiler/ir/dimension.js'
import { graphOf, weight } from '../passes/graphs.js'

const batch = symbol('batch')

describe('memory', () => {
  /** Bytes of one [batch, 4] float tensor with a batch of 2. */
  const unit = 32
  const live = (build: Parameters<typeof graphOf>[0]) => {
    const cost = costOf(graphOf(build), { batch: 2 })
    return { each: cost.nodes.map(({ liveBytes }) => liveBytes / unit), peak: cost.total.peakBytes / unit }
  }

  it('of a chain is two values at a time', () => {
    expect(live((x, b) => b.exp(b.exp(b.exp(x))))).toEqual({ each: [1, 2, 2, 2], peak: 2 })
  })
  it('keeps what is read later', () => {
    expect(live((x, b) => b.add(b.exp(b.exp(x)), x))).toEqual({ each: [1, 2, 3, 3], peak: 3 })
  })
  it('counts no view, but keeps its source as long as the view', () => {
    const build: Parameters<typeof graphOf>[0] = (x, b) => {
      const view = b.reshape(b.exp(x), { shape: [batch, 2, 2] })
      return b.add(b.exp(b.exp(view)), view)
    }
    expect(live(build)).toEqual({ each: [1, 2, 1, 2, 3, 3], peak: 3 })
  })
  it('counts neither constants nor parameters', () => {
    expect(live((x, b) => b.mul(x, 2)).peak).toBe(2)
  })
  it('ends what nobody reads at once', () => {
    const build: Parameters<typeof graphOf>[0] = (x, b) => {
      b.exp(x)
      return b.sqrt(x)
    }
    expect(live(build).each).toEqual([1, 2, 2])
  })
  it('knows sizes of other types', () => {
    const builder = new GraphBuilder('labels')
    const label = builder.input('label', { dataType: 'int64', shape: [batch] })
    const y = builder.b.oneHot(label, { depth: 3 })
    const cost = costOf(builder.finish([{ name: 'y', value: y }], []), { batch: 2 })
    expect(cost.nodes.map(({ bytes }) => bytes)).toEqual([16, 24])
  })
})

it('sums operations and parameters per module, each with all below it', () => {
  const builder = new GraphBuilder('model')
  const { b } = builder
  const root = builder.origin.module
  const level = { path: 'level', kind: 'level', parent: root }
  const parameters = [weight('level.a.weight', [8, 4]), weight('level.b.weight', [2, 8]), weight('unread', [5])]
  let x = builder.input('x', { dataType: 'float32', shape: [batch, 4] })
  for (const [i, name] of ['a', 'b'].entries()) {
    builder.origin = { module: { path: `level.${name}`, kind: 'linear', parent: level } }
    const parameter = parameters[i]
    if (parameter !== undefined) x = b.linear(x, b.parameter({ parameter }), undefined)
  }
  builder.origin = { module: root }
  const { total, modules } = costOf(builder.finish([{ name: 'y', value: b.silu(x) }], parameters), { batch: 3 })

  const [first, second, last] = [2 * 3 * 8 * 4, 2 * 3 * 2 * 8, 4 * 3 * 2]
  expect(total).toEqual({ flops: first + second + last, parameters: 53, parameterBytes: 212, peakBytes: 144 })
  expect(modules.get('level.a')).toEqual({ flops: first, parameters: 32, parameterBytes: 128, peakBytes: 144 })
  expect(modules.get('level.b')).toMatchObject({ flops: second, parameters: 16 })
  expect(modules.get('level')).toMatchObject({ flops: first + second, parameters: 48 })
  expect(modules.get('')).toMatchObject({ flops: first + second + last, parameters: 48, peakBytes: 144 })
})
