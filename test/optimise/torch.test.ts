/** Against figures of PyTorch: see test/fixtures/optimise/record.py. Measured here: 3.6e-7 at most. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { contentOf, errorOf, gradientsOf, optimiserOf, parametersOf, storeOf } from './support.js'

type Kept = 'values' | 'average' | 'firstMoment' | 'secondMoment'

interface Recorded {
  readonly shapes: Readonly<Record<string, readonly number[]>>
  readonly rates: readonly number[]
  readonly cases: readonly {
    readonly title: string
    readonly kind: 'adam' | 'adamw'
    readonly betas: readonly [number, number]
    readonly epsilon: number
    readonly weightDecay: number
    readonly clip: number
    /** Of the gradients. */
    readonly factor: number
    readonly average: number
    readonly accumulate: number
    readonly norms: readonly number[]
    readonly after: Readonly<Record<string, Readonly<Record<Kept, readonly number[]>>>>
  }[]
}

const { shapes, rates, cases } = JSON.parse(readFileSync('test/fixtures/optimise/torch.json', 'utf8')) as Recorded

it.each(cases)('$title', async ({ average, accumulate, factor, norms, after, ...settings }) => {
  const store = await storeOf(parametersOf(shapes), { average, accumulate })
  const optimiser = optimiserOf(store, { ...settings, rate: 0.02, warmup: 2 })
  const steps = rates.flatMap((_, step) =>
    Array.from({ length: accumulate }, (__, i) =>
      optimiser.update(gradientsOf(store, step * accumulate + i, factor)),
    ).filter((done) => done !== undefined),
  )
  expect(steps.map(({ rate }) => rate)).toEqual(rates)
  expect(steps.map(({ skipped }) => skipped)).toEqual(rates.map(() => false))
  expect(steps.map(({ clipped }) => clipped)).toEqual(norms.map((norm) => settings.clip > 0 && norm > settings.clip))
  expect(
    errorOf(
      steps.map(({ norm }) => norm),
      norms,
    ),
  ).toBeLessThan(1e-6)
  for (const { name, ...arrays } of contentOf(store))
    for (const [kind, values] of Object.entries(arrays))
      expect(errorOf(values, after[name]?.[kind as Kept] ?? []), `${kind} of ${name}`).toBeLessThan(1e-6)
})
