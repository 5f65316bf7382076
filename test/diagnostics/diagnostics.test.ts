/** What users read for each mistake, and that the catalogue has no code twice and none without a scenario. */
import { describe, expect, it } from 'vitest'
import { applyFixes } from '../../compiler/diagnostics/render.js'
import * as block from '../../compiler/diagnostics/block.js'
import * as language from '../../compiler/diagnostics/language.js'
import * as model from '../../compiler/diagnostics/model.js'
import { blocks } from './blocks.js'
import { models } from './models.js'
import { check, shown } from './scenario.js'
import { writing } from './writing.js'

const groups = { writing, models, blocks }
const all = Object.values(groups).flat()

describe.each(Object.entries(groups))('%s', (name, scenarios) => {
  it.each(scenarios)('$name', async (scenario) => {
    const found = check(scenario).diagnostics.map(({ code }) => code)
    expect(found).toEqual(expect.arrayContaining([...scenario.codes]))
    const file = scenario.name.replace(/[^a-z0-9]+/g, '-')
    await expect(`${shown(scenario)}\n`).toMatchFileSnapshot(`snapshots/${name}/${file}.txt`)
  })
})

describe('fixes', () => {
  const fixable = all.filter((scenario) => check(scenario).diagnostics.some(({ fixes }) => fixes.length > 0))
  it.each(fixable)('remove what they are for: $name', (scenario) => {
    const before = check(scenario).diagnostics
    const { text, applied } = applyFixes('mine.mdm', scenario.source, before)
    expect(applied).toBeGreaterThan(0)
    const after = check(scenario, text).diagnostics
    expect(after.filter(({ fixes }) => fixes.length > 0)).toEqual([])
    expect(after.length).toBeLessThan(before.length)
  })
})

describe('the catalogue', () => {
  const entries = [language, model, block].flatMap((module) =>
    Object.values<object>(module).flatMap((value) =>
      'code' in value && typeof value.code === 'string' ? [value.code] : [],
    ),
  )

  it('has each code once', () => {
    expect(entries.length).toBeGreaterThan(60)
    expect(new Set(entries).size).toBe(entries.length)
  })

  it('has a scenario for each code', () => {
    const shown = new Set(all.flatMap(({ codes }) => codes))
    expect(entries.filter((code) => !shown.has(code))).toEqual([])
  })

  it.each(Object.entries(groups))('has scenarios of different names: %s', (_, scenarios) => {
    expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length)
  })
})
