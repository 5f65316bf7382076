/** Dropout in training: its draws are inputs, it keeps the mean, and the same draws give the same loss. */
import { describe, expect, it } from 'vitest'
import { reference } from '../../backends/reference/engine.js'
import { GraphBuilder } from '../../compiler/ir/builder.js'
import type { Value } from '../../compiler/ir/graph.js'
import { floats, showType } from '../../compiler/ir/tensor.js'
import { verify } from '../../compiler/ir/verify.js'
import type { Builder } from '../../compiler/ops/index.js'
import { drawDropout } from '../../compiler/passes/draw_dropout.js'
import { buildTraining, withGradients } from '../../compiler/training.js'
import { ruleUniforms } from '../../runtime/weights/rule.js'
import { countOps, graphOf } from '../passes/graphs.js'
import { modelOf } from '../sampling/models.js'
import { noReport } from '../shipped.js'
import { outputsOn, type Tensors } from './support.js'

const count = 40_000
const noWeights = { read: () => Promise.reject(new Error('there are no weights')) }
const draws = floats(
  [count],
  Array.from({ length: count }, (_, i) => (ruleUniforms('draws')(i) + 1) / 2),
)

/** What dropout makes of ones. */
async function kept(rate: number): Promise<readonly number[]> {
  const graph = drawDropout.run(graphOf((x, b) => b.dropout(x, { rate }), [count]))
  const session = await reference.prepare(graph, noWeights, { device: 'cpu' })
  const { y } = await session.run({ x: floats([count], new Array<number>(count).fill(1)), 'dropout.': draws })
  return Array.from(y?.data ?? [])
}

describe.each([0.1, 0.25, 0.5, 0.9])('a rate of %d', (rate) => {
  it('drops its share, and keeps mean and variance', async () => {
    const values = await kept(rate)
    const mean = values.reduce((sum, value) => sum + value, 0) / count
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count
    const dropped = values.filter((value) => value === 0).length / count
    // Four deviations of 40,000 draws.
    expect(Math.abs(dropped - rate)).toBeLessThan(4 * Math.sqrt((rate * (1 - rate)) / count))
    expect(Math.abs(mean - 1)).toBeLessThan(4 * Math.sqrt(rate / (1 - rate) / count))
    expect(variance).toBeCloseTo(rate / (1 - rate), rate > 0.5 ? 0 : 1)
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / (1 - rate))]))
  })
})

it('drops exactly where the draw is below the rate', async () => {
  const values = await kept(0.25)
  draws.data.forEach((draw, i) => {
    if ((values[i] === 0) !== draw < 0.25) throw new Error(`draw ${i}, ${draw}, gave ${values[i]}`)
  })
})

describe('names of draws', () => {
  const namesOf = (paths: readonly (readonly [path: string, rate: number])[]) => {
    const builder = new GraphBuilder('names')
    const root = builder.origin.module
    let x = builder.input('x', { dataType: 'float32', shape: [4] })
    for (const [path, rate] of paths) {
      const make = () => builder.b.dropout(x, { rate })
      x = builder.within({ module: { path, kind: 'block', parent: root } }, make)
    }
    const graph = drawDropout.run(builder.finish([{ name: 'y', value: x }], []))
    expect(verify(graph)).toEqual([])
    return graph.inputs.map(({ name }) => name)
  }

  it('say the place, with a number from the second on', () => {
    const paths = [
      ['a', 0.1],
      ['b.c', 0.1],
      ['a', 0.2],
      ['a', 0.1],
    ] as const
    expect(namesOf(paths)).toEqual(['x', 'dropout.a', 'dropout.b.c', 'dropout.a.1', 'dropout.a.2'])
  })
  it('leave out what never drops', () => {
    expect(
      namesOf([
        ['a', 0],
        ['a', 0.1],
        ['b', 0],
      ]),
    ).toEqual(['x', 'dropout.a'])
  })
  it('are never the same for two places', () => {
    const names = namesOf([
      ['a', 0.1],
      ['a', 0.1],
      ['a.1', 0.1],
      ['a.1', 0.1],
    ])
    expect(new Set(names).size).toBe(5)
  })
})

it('nothing is drawn twice', () => {
  const drawn = drawDropout.run(graphOf((x, b) => b.dropout(x, { rate: 0.5 })))
  expect(drawDropout.run(drawn)).toEqual(drawn)
})

it('gradients see what is dropped, also where nobody has drawn yet', async () => {
  const build = (x: Value, b: Builder) => b.dropout(b.exp(x), { rate: 0.5 })
  const graph = withGradients(
    graphOf(build, [4]),
    ({ outputs }) => outputs.map(({ value }) => ({ value, gradient: value })),
    {},
    ['x'],
  )
  expect(countOps(graph).dropout).toBeUndefined()
  const session = await reference.prepare(graph, noWeights, { device: 'cpu' })
  const found = await session.run({ x: floats([4]), 'dropout.': floats([4], [0.4, 0.6, 0.9, 0.1]) })
  expect(found.y).toEqual(floats([4], [0, 2, 2, 0]))
  expect(found['gradient.x']).toEqual(floats([4], [0, 4, 4, 0]))
})

describe('a model', () => {
  const source = `model Dropping {
    dropout 20%
    level 8 { channels 32  blocks 1 }
    level 4 { channels 32  blocks 1  attention 1 }
    middle { attention 1 }
  }`
  const graph = buildTraining(modelOf(source), noReport)
  const sizes = { batch: 2 }

  it('has a draw for each block', () => {
    expect(graph.inputs.map(({ name, value }) => `${name}: ${showType(value.type)}`)).toMatchSnapshot()
  })
  it('has the same loss for the same draws, and another one without them', async () => {
    const [first, second] = [await outputsOn(reference, graph, sizes), await outputsOn(reference, graph, sizes)]
    expect(second).toEqual(first)
    const plain = buildTraining(modelOf(source.replace('20%', '0%')), noReport)
    const without: Tensors = await outputsOn(reference, plain, sizes)
    expect(plain.inputs.map(({ name }) => name)).toEqual(['images', 'times', 'noise_8'])
    expect(without.loss?.data[0]).not.toBeCloseTo(first.loss?.data[0] ?? NaN, 4)
  })
})
