import { describe, expect, test } from 'vitest'
import type { Initialiser, Parameter } from '../../compiler/ir/parameter.js'
import { initialise, initialWeights } from '../../runtime/weights/initialise.js'
import { digest, ruleUniforms, ruleValues, ruleWeights } from '../../runtime/weights/rule.js'

const parameter = (name: string, shape: readonly number[], initialiser: Initialiser): Parameter => {
  return { name, shape, initialiser, trainable: true }
}

describe('fresh weights', () => {
  const parameters = [
    parameter('zeros', [3], { kind: 'zeros' }),
    parameter('ones', [3], { kind: 'ones' }),
    parameter('uniform', [100, 100], { kind: 'uniform', bound: 0.25 }),
    parameter('normal', [100, 100], { kind: 'normal', deviation: 0.02 }),
    parameter('freqs', [4], { kind: 'rotary_frequencies', base: 10000 }),
  ]

  test('each initialiser', async () => {
    const source = initialWeights(parameters, 1)
    expect(source.entries[2]).toEqual({ name: 'uniform', dtype: 'F32', shape: [100, 100] })
    expect([...(await source.read('zeros'))]).toEqual([0, 0, 0])
    expect([...(await source.read('ones'))]).toEqual([1, 1, 1])
    expect([...(await source.read('freqs'))]).toEqual([1, 0.1, 0.01, 0.001].map(Math.fround))
    const uniform = await source.read('uniform')
    expect(Math.max(...uniform.map(Math.abs))).toBeLessThanOrEqual(0.25)
    expect(Math.max(...uniform)).toBeGreaterThan(0.249)
    const normal = await source.read('normal')
    expect(Math.hypot(...normal) / 100).toBeCloseTo(0.02, 3)
  })

  test('a parameter depends on the seed and its name alone', () => {
    const [, , uniform, normal] = parameters
    if (uniform === undefined || normal === undefined) throw new Error('no parameters')
    expect(initialise(uniform, 1)).toEqual(initialise(uniform, 1))
    expect(initialise(uniform, 1)).not.toEqual(initialise(uniform, 2))
    expect(initialise(uniform, 1)).not.toEqual(initialise({ ...uniform, name: 'other' }, 1))
  })
})

describe('the rule for weights', () => {
  /** The rule as it is written, with integers of any size. */
  function plainly(name: string, i: number): number {
    const wrap = (value: bigint) => BigInt.asUintN(32, value)
    let seed = 0x811c9dc5n
    for (const byte of Buffer.from(name)) seed = wrap((seed ^ BigInt(byte)) * 0x01000193n)
    let h = seed ^ wrap(BigInt(i) * 0x9e3779b1n)
    h = wrap((h ^ (h >> 16n)) * 0x85ebca6bn)
    h = wrap((h ^ (h >> 13n)) * 0xc2b2ae35n)
    return Number((h ^ (h >> 16n)) >> 8n) / 2 ** 23 - 1
  }

  test('u is computed as written', () => {
    for (const name of ['conv_in.weight', 'größe', '']) {
      for (const i of [0, 1, 2, 12345, 2 ** 31, 2 ** 32 - 1]) expect(ruleUniforms(name)(i)).toBe(plainly(name, i))
    }
  })

  test('the three kinds of parameters', () => {
    const u = (name: string, i: number) => plainly(name, i)
    expect(ruleValues('a.weight', [2, 3])[4]).toBe(Math.fround(u('a.weight', 4) * Math.sqrt(3 / 3)))
    expect(ruleValues('c.weight', [2, 3, 3, 3])[40]).toBe(Math.fround(u('c.weight', 40) * Math.sqrt(3 / 27)))
    expect(ruleValues('n.weight', [4])[3]).toBe(Math.fround(1 + 0.2 * u('n.weight', 3)))
    expect(ruleValues('n.bias', [4])[3]).toBe(Math.fround(0.1 * u('n.bias', 3)))
  })

  test('as a source, and its digests', async () => {
    const source = ruleWeights([{ name: 'n.bias', shape: [2] }])
    const values = await source.read('n.bias')
    expect(values).toEqual(ruleValues('n.bias', [2]))
    const [a = 0, b = 0] = values
    const { norm, dot } = digest('n.bias', values)
    expect(norm).toBeCloseTo(Math.hypot(a, b), 12)
    expect(dot).toBeCloseTo(a * plainly('digest:n.bias', 0) + b * plainly('digest:n.bias', 1), 12)
  })
})
