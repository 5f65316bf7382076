/** The update: against plain float64, and what must hold to the last bit. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Gradients } from '../../runtime/optimise/optimiser.js'
import {
  bitsOf,
  contentOf,
  errorOf,
  gradientsOf,
  optimiserOf,
  parametersOf,
  plain,
  PlainAdam,
  storeOf,
  unit,
} from './support.js'

const shapes = { odd: [7, 11, 3], one: [1], even: [64], long: [65_537] }
const parameters = parametersOf(shapes)

/** What a store holds after steps with the rule's gradients. */
async function trainedWith(
  settings: Partial<typeof plain> = {},
  options: Parameters<typeof storeOf>[1] = { average: 0.9 },
  steps = 3,
) {
  const store = await storeOf(parameters, options)
  const optimiser = optimiserOf(store, settings)
  for (let step = 0; step < steps; step++) optimiser.update(gradientsOf(store, step))
  return bitsOf(store)
}

/** Gradients multiplied by a factor. */
const times =
  (factor: number, gradients: Gradients): Gradients =>
  (name) =>
    gradients(name).map((value) => factor * value)

describe('against float64', () => {
  const settings = fc.record({
    kind: fc.constantFrom('adam' as const, 'adamw' as const),
    rate: fc.double({ min: 1e-4, max: 0.1, noNaN: true }),
    betas: fc.tuple(fc.double({ min: 0, max: 0.99, noNaN: true }), fc.double({ min: 0.5, max: 0.999, noNaN: true })),
    epsilon: fc.constantFrom(1e-8, 1e-3),
    weightDecay: fc.constantFrom(0, 0.1),
  })

  // In 2000 runs here: below 9e-7.
  it('agrees for any settings and sizes', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 4 })
    const average = fc.constantFrom(0, 0.5, 0.999)
    await fc.assert(
      fc.asyncProperty(settings, sizes, average, async (chosen, counts, decay) => {
        const store = await storeOf(parametersOf(Object.fromEntries(counts.map((count, i) => [`p${i}`, [count]]))), {
          average: decay,
        })
        const optimiser = optimiserOf(store, chosen)
        const expected = new Map(store.trained.map(({ name }) => [name, new PlainAdam(store.values(name))]))
        for (let step = 0; step < 6; step++) {
          const gradients = gradientsOf(store, step)
          optimiser.update(gradients)
          for (const [name, tensor] of expected) tensor.step(gradients(name), { ...plain, ...chosen }, decay)
        }
        for (const { name, values, average: averages, firstMoment, secondMoment } of contentOf(store)) {
          const tensor = expected.get(name)
          expect(errorOf(values, tensor?.values ?? [])).toBeLessThan(2e-6)
          expect(errorOf(averages, tensor?.average ?? [])).toBeLessThan(2e-6)
          expect(errorOf(firstMoment, tensor?.firstMoment ?? [])).toBeLessThan(2e-6)
          expect(errorOf(secondMoment, tensor?.secondMoment ?? [])).toBeLessThan(2e-6)
        }
      }),
      { numRuns: 60 },
    )
  })

  it.each([65_535, 65_536, 131_075])('agrees for %d elements, copied in pieces', async (count) => {
    const store = await storeOf(parametersOf({ p: [count], q: [5] }), { average: 0.9 })
    const tensor = new PlainAdam(store.values('p'))
    const optimiser = optimiserOf(store)
    const gradients = gradientsOf(store, 0)
    const step = optimiser.update(gradients)
    tensor.step(gradients('p'), plain, 0.9)
    expect(errorOf(store.values('p'), tensor.values)).toBeLessThan(1e-6)
    expect(errorOf(store.average('p'), tensor.average)).toBeLessThan(1e-6)
    const squares = [...gradients('p'), ...gradients('q')].reduce((sum, value) => sum + value * value, 0)
    expect(Math.abs((step?.norm ?? 0) / Math.sqrt(squares) - 1)).toBeLessThan(1e-12)
  })

  it('leaves a moving average that has arrived', async () => {
    const store = await storeOf(parametersOf({ p: [100] }), { average: 0.9999 })
    const optimiser = optimiserOf(store, { rate: 0 })
    for (let step = 0; step < 1000; step++) optimiser.update(gradientsOf(store, 0))
    expect(store.average('p')).toEqual(unit('values:p', 100))
  })
})

describe('the norm', () => {
  const norm = async (factor: number, clip: number) => {
    const store = await storeOf(parameters)
    return optimiserOf(store, { clip }).update(times(factor, gradientsOf(store, 0)))
  }

  it('is told, and limited where it is larger than allowed', async () => {
    const free = await norm(1, 0)
    const half = (free?.norm ?? NaN) / 2
    expect(free).toMatchObject({ clipped: false, skipped: false, rate: plain.rate })
    expect(await norm(1, half)).toEqual({ ...free, clipped: true })
    expect(await norm(1, 4 * half)).toEqual(free)
  })

  it('limits a gradient to one that is smaller in proportion', async () => {
    const settings = { clip: 1.5, epsilon: 0.1 }
    const store = await storeOf(parameters)
    const small = await storeOf(parameters)
    const step = optimiserOf(store, settings).update(gradientsOf(store, 0))
    const factor = 1.5 / ((step?.norm ?? NaN) + 1e-6)
    optimiserOf(small, { ...settings, clip: 0 }).update(times(factor, gradientsOf(small, 0)))
    for (const name of Object.keys(shapes)) expect(errorOf(store.values(name), small.values(name))).toBeLessThan(1e-6)
  })

  it('has no trained parameters to look at', async () => {
    const store = await storeOf(parameters, { frozen: () => true })
    const step = optimiserOf(store).update(gradientsOf(store, 0))
    expect(step).toEqual({ norm: 0, rate: plain.rate, clipped: false, skipped: false })
  })
})

describe('several batches for a step', () => {
  const three = { average: 0.9, accumulate: 3 }

  it('are as one batch of all', async () => {
    const store = await storeOf(parameters, three)
    const whole = await storeOf(parameters, { average: 0.9 })
    const [a, b] = [optimiserOf(store, { clip: 1 }), optimiserOf(whole, { clip: 1 })]
    for (let step = 0; step < 3; step++) {
      const batches = [0, 1, 2].map((i) => gradientsOf(store, 3 * step + i))
      const mean: Gradients = (name) => {
        const gradients = batches.map((gradient) => gradient(name))
        return (gradients[0] ?? new Float32Array()).map(
          (_, i) => gradients.reduce((sum, g) => sum + (g[i] ?? NaN), 0) / 3,
        )
      }
      const expected = b.update(mean)
      expect(batches.map((batch) => a.update(batch)?.norm)).toEqual([
        undefined,
        undefined,
        expect.closeTo(expected?.norm ?? NaN, 4),
      ])
    }
    expect(a.state).toEqual(b.state)
    for (const name of Object.keys(shapes)) expect(errorOf(store.values(name), whole.values(name))).toBeLessThan(1e-6)
  })

  it('are one batch to the bit if they are equal', async () => {
    const store = await storeOf(parameters, { average: 0.9, accumulate: 4 })
    const optimiser = optimiserOf(store, { kind: 'adam', weightDecay: 0.1 })
    for (let batch = 0; batch < 12; batch++) optimiser.update(gradientsOf(store, Math.floor(batch / 4)))
    expect(bitsOf(store)).toEqual(await trainedWith({ kind: 'adam', weightDecay: 0.1 }))
  })

  it('are dropped together if one is not finite', async () => {
    const store = await storeOf(parameters, three)
    const before = bitsOf(store)
    const optimiser = optimiserOf(store)
    const steps = [1, NaN, 1].map((factor) => optimiser.update(times(factor, gradientsOf(store, 0))))
    expect(steps.map((step) => step?.skipped)).toEqual([undefined, undefined, true])
    expect(bitsOf(store)).toEqual(before)
    expect([0, 1, 2].map((batch) => optimiser.update(gradientsOf(store, batch))?.skipped)).toEqual([
      undefined,
      undefined,
      false,
    ])
  })
})

describe('a gradient that is not finite', () => {
  const places = fc.record({
    name: fc.constantFrom(...Object.keys(shapes)),
    where: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    value: fc.constantFrom(NaN, Infinity, -Infinity),
  })

  it('changes no bit, wherever it is', async () => {
    const store = await storeOf(parameters, { average: 0.9 })
    const optimiser = optimiserOf(store)
    optimiser.update(gradientsOf(store, 0))
    const before = bitsOf(store)
    fc.assert(
      fc.property(places, ({ name, where, value }) => {
        const { state } = optimiser
        const step = optimiser.update((of) => {
          const gradient = gradientsOf(store, 1)(of)
          if (of === name) gradient[Math.floor(where * gradient.length)] = value
          return gradient
        })
        expect(step).toMatchObject({ skipped: true, clipped: false })
        expect(step?.norm).not.toSatisfy(Number.isFinite)
        expect(optimiser.state).toEqual({ steps: state.steps + 1, updates: state.updates })
      }),
      { numRuns: 40 },
    )
    expect(bitsOf(store)).toEqual(before)
    optimiser.update(gradientsOf(store, 1))
    expect(bitsOf(store)).toEqual(await trainedWith({}, { average: 0.9 }, 2))
  })

  it('costs a step of the schedule', async () => {
    const store = await storeOf(parameters)
    const optimiser = optimiserOf(store, { warmup: 4 })
    const rates = [1, NaN, 1, 1].map((factor) => optimiser.update(times(factor, gradientsOf(store, 0)))?.rate)
    expect(rates).toEqual([0.25, 0.25, 0.5, 0.75].map((share) => share * plain.rate))
  })
})

describe('to the last bit', () => {
  it('the same comes out again', async () => {
    expect(await trainedWith({ clip: 1 })).toEqual(await trainedWith({ clip: 1 }))
  })

  it('arenas do not matter', async () => {
    const one = await trainedWith()
    expect(await trainedWith({}, { average: 0.9, arenaBytes: 1 })).toEqual(one)
    expect(await trainedWith({}, { average: 0.9, arenaBytes: 400_000 })).toEqual(one)
  })

  it('an average does not matter to what is averaged', async () => {
    const bare = (content: Awaited<ReturnType<typeof trainedWith>>) =>
      content.map((each) => ({ ...each, average: null }))
    expect(bare(await trainedWith({}, { average: 0 }))).toEqual(bare(await trainedWith()))
  })

  it('a loss scale does not matter', async () => {
    const store = await storeOf(parameters, { average: 0.9 })
    const optimiser = optimiserOf(store, { clip: 1 })
    for (let step = 0; step < 3; step++) optimiser.update(times(1024, gradientsOf(store, step)), 1024)
    expect(bitsOf(store)).toEqual(await trainedWith({ clip: 1 }))
  })

  it('a checkpoint goes on where it was made', async () => {
    const store = await storeOf(parameters, { average: 0.9 })
    const first = optimiserOf(store, { warmup: 3 })
    first.update(gradientsOf(store, 0))
    const state = JSON.parse(JSON.stringify(first.state)) as typeof first.state
    const again = await storeOf(parameters, { average: 0.9 })
    for (const { name, ...arrays } of contentOf(store)) {
      again.values(name).set(arrays.values)
      again.average(name).set(arrays.average)
      again.firstMoment(name).set(arrays.firstMoment)
      again.secondMoment(name).set(arrays.secondMoment)
    }
    const second = optimiserOf(again, { warmup: 3 }, state)
    for (let step = 1; step < 3; step++) second.update(gradientsOf(again, step))
    expect(bitsOf(again)).toEqual(await trainedWith({ warmup: 3 }))
  })

  it('frozen parameters stay, and the others do not see them', async () => {
    const store = await storeOf(parameters, { average: 0.9, frozen: ({ name }) => name === 'odd' })
    const optimiser = optimiserOf(store)
    for (let step = 0; step < 3; step++) optimiser.update(gradientsOf(store, step))
    expect(store.values('odd')).toEqual(unit('values:odd', 231))
    expect(bitsOf(store)).toEqual((await trainedWith()).filter(({ name }) => name !== 'odd'))
  })

  it('arrays stay where they were handed out', async () => {
    const store = await storeOf(parameters)
    const values = store.values('odd')
    optimiserOf(store).update(gradientsOf(store, 0))
    expect(values).not.toEqual(unit('values:odd', 231))
    expect(values).toEqual(store.values('odd'))
  })
})

it('wants gradients of the right size', async () => {
  const store = await storeOf(parameters)
  expect(() => optimiserOf(store).update(() => new Float32Array(3))).toThrow(
    'the gradient of odd has 3 elements, not 231',
  )
})
