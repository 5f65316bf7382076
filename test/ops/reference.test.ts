/** The reference engine beyond single ops: sources, symbols, inputs that do not fit, memory, speed. */
import { describe, expect, it } from 'vitest'
import type { ParameterValues } from '../../backends/engine.js'
import { InputError } from '../../backends/inputs.js'
import { reference } from '../../backends/reference/engine.js'
import { GraphBuilder } from '../../compiler/ir/builder.js'
import { symbol } from '../../compiler/ir/dimension.js'
import { floats, type Tensor } from '../../compiler/ir/tensor.js'
import { conv } from '../../compiler/ops/conv.js'
import { cpuTime } from '../cpu_time.js'
import { weight } from '../passes/graphs.js'
import { expectClose, randn, whole } from './tensors.js'

const [batch, tokens] = [symbol('batch'), symbol('tokens')]
const noWeights: ParameterValues = { read: (name) => Promise.reject(new Error(`nobody should read ${name}`)) }

describe('sources', () => {
  const builder = new GraphBuilder('sources')
  const { b } = builder
  const [w, unread] = [weight('w', [2]), weight('unread', [1000])]
  const x = builder.input('x', { dataType: 'float32', shape: [batch, 2] })
  const y = b.add(b.mul(x, b.parameter({ parameter: w })), b.tensor(floats([2], [10, 20])))
  const graph = builder.finish(
    [
      { name: 'y', value: y },
      { name: 'same', value: x },
    ],
    [w, unread],
  )

  it('are inputs, the parameters that are read, and constants', async () => {
    const weights = {
      read: (name: string) => (name === 'w' ? Promise.resolve(Float32Array.of(2, 3)) : noWeights.read(name)),
    }
    const session = await reference.prepare(graph, weights, { device: 'cpu' })
    const given = floats([2, 2], [1, 2, 3, 4])
    const outputs = await session.run({ x: given })
    expect(outputs).toEqual({ y: floats([2, 2], [12, 26, 16, 32]), same: given })
    await session.dispose()
  })
  it('of the wrong size are refused', async () => {
    const weights = { read: () => Promise.resolve(new Float32Array(3)) }
    await expect(reference.prepare(graph, weights, { device: 'cpu' })).rejects.toThrow('3 numbers for w, which has 2')
  })
})

describe('inputs that do not fit', () => {
  const builder = new GraphBuilder('inputs')
  const text = builder.input('text', { dataType: 'float32', shape: [batch, tokens, 2] })
  const pairs = builder.input('pairs', {
    dataType: 'float32',
    shape: [{ coefficient: 2, symbols: ['batch', 'tokens'] }],
  })
  builder.input('label', { dataType: 'int64', shape: [batch] })
  const reshaped = builder.b.reshape(pairs, { shape: [batch, tokens, 2] })
  const graph = builder.finish([{ name: 'y', value: builder.b.add(text, reshaped) }], [])
  const fitting = { text: randn([3, 4, 2]), pairs: randn([24]), label: whole([3], [1, 2, 3]) }
  const run = async (inputs: Record<string, Tensor>) => {
    const session = await reference.prepare(graph, noWeights, { device: 'cpu' })
    return session.run(inputs)
  }

  it('are told from those that do', async () => {
    expect((await run(fitting)).y?.shape).toEqual([3, 4, 2])
  })
  it.each<[string, Record<string, Tensor>, string]>([
    ['missing', { text: fitting.text, label: fitting.label }, 'the input pairs, float32[2*batch*tokens], is missing'],
    ['unknown', { ...fitting, txt: fitting.text }, 'there is no input txt; inputs are text, pairs, label'],
    [
      'of another rank',
      { ...fitting, text: randn([3, 8]) },
      'must be float32[batch, tokens, 2], but has the shape [3, 8]',
    ],
    ['of another fixed size', { ...fitting, text: randn([3, 4, 5]) }, 'must be float32[batch, tokens, 2]'],
    [
      'of two batch sizes',
      { ...fitting, label: whole([2], [1, 2]) },
      'label must be int64[batch] where batch = 3, tokens = 4',
    ],
    ['of a wrong product', { ...fitting, pairs: randn([23]) }, 'pairs must be float32[2*batch*tokens]'],
    ['of another type', { ...fitting, label: randn([3]) }, 'label must be int64, not float32'],
    ['with numbers missing', { ...fitting, label: whole([3], [1]) }, 'label has 1 numbers'],
  ])('%s', async (_, inputs, message) => {
    await expect(run(inputs)).rejects.toThrow(InputError)
    await expect(run(inputs)).rejects.toThrow(message)
  })
})

it('normalises a mean of 1e4 and a deviation of 1 to 1e-6', async () => {
  const x = randn([1, 32, 16, 16])
  x.data.forEach((value, i) => (x.data[i] = 1e4 + value))
  const builder = new GraphBuilder('far')
  const type = { dataType: 'float32', shape: [1, 32, 16, 16] } as const
  const ones = builder.b.tensor(floats([32], new Array<number>(32).fill(1)))
  const zeros = builder.b.tensor(floats([32]))
  const y = builder.b.groupNorm(builder.input('x', type), ones, zeros, { groups: 1, epsilon: 0 })
  const session = await reference.prepare(builder.finish([{ name: 'y', value: y }], []), noWeights, { device: 'cpu' })
  const values = Array.from(x.data)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
  const expected = floats(
    type.shape,
    values.map((value) => (value - mean) / deviation),
  )
  expectClose((await session.run({ x })).y, expected, 1e-6)
})

it('convolves fast enough for small models: half a GFLOP per second', () => {
  const [x, kernel] = [randn([1, 64, 32, 32]), randn([64, 64, 3, 3])]
  const run = () => conv.evaluate({ x, weight: kernel }, { stride: 1, padding: 1 }, [1, 64, 32, 32])
  run()
  const flops = 2 * 64 * 64 * 9 * 32 * 32
  expect(flops / cpuTime(run) / 1e6).toBeGreaterThan(0.5)
})
