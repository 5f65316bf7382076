/** Random models and damaged files: valid ones build to graphs that verify, others get diagnostics, nothing throws. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildDenoiser } from '../compiler/build/denoiser.js'
import { checkFile } from '../compiler/compile.js'
import { renderDiagnostic } from '../compiler/diagnostics/render.js'
import { verify } from '../compiler/ir/verify.js'
import { format } from '../compiler/syntax/format.js'
import { mutants } from '../scripts/mutants.js'
import { cpuTime } from './cpu_time.js'
import { memoryHost } from './host.js'
import { changedModels, validModels } from './random_models.js'

const check = (text: string) => checkFile('random.mdm', memoryHost({ 'random.mdm': text }))

describe('random models', () => {
  it('check without errors and build to graphs that verify', () => {
    fc.assert(
      fc.property(validModels, (text) => {
        const { models, diagnostics } = check(text)
        expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
        for (const model of models) expect(verify(buildDenoiser(model, () => undefined))).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  it('mean the same after formatting', () => {
    fc.assert(
      fc.property(validModels, (text) => {
        const formatted = format('random.mdm', text).text ?? ''
        const names = (source: string) =>
          check(source).models.map((model) =>
            buildDenoiser(model, () => undefined).parameters.map(({ name, shape }) => [name, shape]),
          )
        expect(names(formatted)).toEqual(names(text))
      }),
      { numRuns: 20 },
    )
  })

  it('with something changed give diagnostics or models, never exceptions', () => {
    fc.assert(
      fc.property(changedModels, (text) => {
        const { models, hasErrors, diagnostics, sources } = check(text)
        for (const diagnostic of diagnostics) renderDiagnostic(diagnostic, sources)
        if (!hasErrors) expect(models).not.toEqual([])
      }),
      { numRuns: 300 },
    )
  })
})

it('500 damaged files give diagnostics or models, never exceptions, each within 5 seconds', () => {
  const mutant = mutants(2026)
  for (let index = 0; index < 500; index++) {
    const { path, host } = mutant(index)
    const time = cpuTime(() => {
      try {
        const { diagnostics, sources } = checkFile(path, host)
        for (const diagnostic of diagnostics) renderDiagnostic(diagnostic, sources)
      } catch (error) {
        throw new Error(`mutant ${index} of seed 2026`, { cause: error })
      }
    })
    expect(time, `mutant ${index} of seed 2026`).toBeLessThan(5000)
  }
})
