/** `mdmc check`: everything that is wrong with files, and fixes where they are certain. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { checkFile, type CheckedFile } from '../compiler/compile.js'
import { applyFixes } from '../compiler/diagnostics/render.js'
import { diagnosticsAsJson, plural, print, printJson, say, showDiagnostics, WrongInput } from './report.js'
import { disk } from './sources.js'

export function addCheck(program: Command): void {
  program
    .command('check')
    .description('check .mdm files: names, sizes, shapes, nesting')
    .argument('<file...>', '.mdm files')
    .option('--fix', 'make the changes that are certain')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExamples:\n  mdmc check models/S64S256.mdm\n  mdmc check --fix mine.mdm')
    .action((files: string[], options: { fix?: boolean; json?: boolean }) => {
      const results = files.map((file) => ({ file, ...(options.fix ? fixed(file) : checkFile(file, disk)) }))
      if (options.json) {
        printJson({
          files: results.map(({ file, models, diagnostics, sources }) => ({
            file,
            models: models.map(({ name }) => name),
            diagnostics: diagnosticsAsJson(diagnostics, sources),
          })),
        })
      } else {
        for (const { diagnostics, sources } of results) showDiagnostics(diagnostics, sources)
        const good = results.filter(({ hasErrors }) => !hasErrors)
        for (const { file, models } of good)
          print(`${file}: ${models.length === 0 ? 'no model,' : models.map(({ name }) => name).join(', ')} ok`)
      }
      if (results.some(({ hasErrors }) => hasErrors)) throw new WrongInput()
    })
}

/** Fixes until nothing more can be fixed: removing one mistake can bring another to light. */
function fixed(file: string): CheckedFile {
  for (let round = 0; ; round++) {
    const checked = checkFile(file, disk)
    const text = checked.sources.get(file)
    const result = text === undefined ? undefined : applyFixes(file, text, checked.diagnostics)
    if (result === undefined || result.applied === 0 || round === 10) return checked
    writeFileSync(file, result.text)
    say(`${file}: ${plural(result.applied, 'change')} made`)
  }
}
