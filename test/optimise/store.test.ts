import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { MemoryFailure, ParameterStore } from '../../runtime/optimise/store.js'
import { contentOf, parametersOf, storeOf, unit } from './support.js'

const shapes = { a: [3], b: [5, 7], c: [1], d: [2, 2, 2, 3] }
const parameters = parametersOf(shapes)
const settings = { average: 0, accumulate: 1 }
const names = Object.keys(shapes)

afterEach(() => vi.restoreAllMocks())

describe('arrays', () => {
  it('are live, apart from each other, and zero at first', () => {
    const store = new ParameterStore(parameters, { average: 0.9, accumulate: 2 })
    const all = () =>
      names.flatMap((name) => [
        store.values(name),
        store.average(name),
        store.firstMoment(name),
        store.secondMoment(name),
      ])
    for (const array of all()) expect(array).toEqual(new Float32Array(array.length))
    for (const [i, array] of all().entries()) array.fill(i)
    for (const [i, array] of all().entries()) expect(array).toEqual(new Float32Array(array.length).fill(i))
    expect(store.values('d')).toHaveLength(24)
  })

  it('are filled from a source: averages alike, moments zero', async () => {
    const store = await storeOf(parameters, { average: 0.9 })
    for (const name of names) store.firstMoment(name).fill(1)
    for (const name of names) store.secondMoment(name).fill(1)
    await store.fill({ read: async (name) => unit(name, store.values(name).length) })
    for (const { name, values, average, firstMoment, secondMoment } of contentOf(store)) {
      expect(values).toEqual(unit(name, values.length))
      expect(average).toEqual(values)
      expect(firstMoment).toEqual(new Float32Array(values.length))
      expect(secondMoment).toEqual(firstMoment)
    }
    store.values('a').fill(2)
    expect(store.average('a')).toEqual(unit('a', 3))
  })

  it('without an average give the values for it', async () => {
    const store = await storeOf(parameters)
    store.values('a').fill(2)
    expect(store.average('a')).toEqual(new Float32Array(3).fill(2))
  })

  it('of what is frozen or only stored are the values alone', async () => {
    const [a, b, c, d] = parameters
    if (!a || !b || !c || !d) throw new Error('four parameters')
    const store = await storeOf([a, { ...b, trainable: false }, c, d], {
      average: 0.9,
      frozen: ({ name }) => name === 'c',
    })
    expect(store.trained.map(({ name }) => name)).toEqual(['a', 'd'])
    for (const { name, shape } of [b, c]) {
      expect(store.values(name)).toEqual(
        unit(
          `values:${name}`,
          shape.reduce((x, y) => x * y),
        ),
      )
      expect(store.average(name)).toBe(store.values(name))
      expect(() => store.firstMoment(name)).toThrow(`no tensor is named "${name}"`)
    }
  })

  it('have the size of what is read', async () => {
    const store = new ParameterStore(parameters, settings)
    await expect(store.fill({ read: async () => new Float32Array(4) })).rejects.toThrow(
      'a has 3 elements, 4 were given',
    )
  })
})

describe('arenas', () => {
  it('hold whole parameters, as many as fit', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 400_000, max: 2_000_000 }), (counts, limit) => {
        const many = parametersOf(Object.fromEntries(counts.map((count, i) => [`p${i}`, [count]])))
        const { trained } = new ParameterStore(many, { ...settings, arenaBytes: limit })
        expect(trained.map(({ name }) => name)).toEqual(many.map(({ name }) => name))
        const arenas = [...new Set(trained.map(({ arena }) => arena))]
        for (const arena of arenas) {
          const members = trained.filter((parameter) => parameter.arena === arena)
          const { byteLength } = arena.view('values', { at: 0, count: 1 }).buffer
          expect(byteLength <= limit || members.length === 1).toBe(true)
          const bytes = members.reduce((sum, { count }) => sum + 12 * count, 0)
          expect(byteLength - bytes).toBeLessThan(262_144 + 65_536 + 3 * (4096 + 64 * members.length))
        }
      }),
      { numRuns: 30 },
    )
  })

  it('cannot hold a parameter of more than 4 GiB', () => {
    const large = parametersOf({ small: [3], large: [2 ** 16, 2 ** 13] })
    const make = () => new ParameterStore(large, settings)
    expect(make).toThrow(MemoryFailure)
    expect(make).toThrow(
      'training large, of 536870912 elements, takes 6.0 GiB of memory in one piece; 4.0 GiB are possible',
    )
  })

  it('that cannot be had are a failure of the environment', () => {
    vi.spyOn(WebAssembly, 'Memory').mockImplementation(function () {
      throw new RangeError('WebAssembly.Memory(): could not allocate memory')
    })
    const make = () => new ParameterStore(parametersOf({ large: [2 ** 25] }), settings)
    expect(make).toThrow(MemoryFailure)
    expect(make).toThrow('there is not enough memory for parameters: 0.4 GiB more are needed')
  })
})
