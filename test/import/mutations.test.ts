/** A sample of what scripts/mutate-imports.ts tries: damaged configurations give a diagnostic or a model. */
import { expect, test } from 'vitest'
import { checked, imported } from './configurations.js'
import { yamlMutants } from './mutants.js'

/** More can be asked for: MUTATIONS=10000 npx vitest run test/import/mutations */
const count = Number(process.env.MUTATIONS ?? 300)

test('damaged configurations: a diagnostic or a model that is read and checked, never an exception', () => {
  const mutant = yamlMutants(1)
  let refused = 0
  for (let index = 0; index < count; index++) {
    const yaml = Buffer.from(mutant(index)).toString('utf8')
    try {
      const { text, codes, shown } = imported(yaml)
      expect(text === undefined && codes.length === 0).toBe(false)
      expect(shown.length).toBeLessThan(100_000)
      if (text === undefined) refused++
      else checked(text)
    } catch (error) {
      throw new Error(`number ${index}`, { cause: error })
    }
  }
  expect(refused).toBeGreaterThan(count / 4)
  expect(refused).toBeLessThan(count)
})
