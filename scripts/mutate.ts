/**
 * Checks many damaged files and fails where one makes the compiler throw, hang or grow.
 * Usage: scripts/mutate.sh [--count 100000] [--seed 1] [--from 0]
 */
import { writeFileSync } from 'node:fs'
import { checkFile } from '../compiler/compile.js'
import { renderDiagnostic } from '../compiler/diagnostics/render.js'
import { format } from '../compiler/syntax/format.js'
import { hunt } from './hunt.js'
import { mutants } from './mutants.js'

await hunt({
  script: import.meta.url,
  count: 100_000,
  start: (seed) => {
    const mutant = mutants(seed)
    return (index) => {
      const { path, host, text } = mutant(index)
      const { diagnostics, sources } = checkFile(path, host)
      for (const diagnostic of diagnostics) renderDiagnostic(diagnostic, sources)
      // Formatting reads the file again, and stops where it cannot be read.
      if (!diagnostics.some(({ code }) => code.startsWith('MDM01')) || index % 10 === 0) format(path, text)
      return diagnostics.length === 0 ? ['valid'] : diagnostics.map(({ code }) => code)
    }
  },
  save: (seed, index) => {
    const file = `.tmp/mutant-${seed}-${index}.mdm`
    writeFileSync(file, mutants(seed)(index).text)
    return file
  },
})
