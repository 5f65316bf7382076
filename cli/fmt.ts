/** `mdmc fmt`: the one way to lay out .mdm files. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { format } from '../compiler/syntax/format.js'
import { print, showDiagnostics, WrongInput } from './report.js'
import { readGiven } from './sources.js'

export function addFormat(program: Command): void {
  program
    .command('fmt')
    .description('format .mdm files in place; comments are kept')
    .argument('<file...>', '.mdm files')
    .option('--check', 'change nothing; end with code 1 where a file is not formatted')
    .addHelpText('after', '\nExamples:\n  mdmc fmt models/*.mdm\n  mdmc fmt --check mine.mdm')
    .action((files: string[], options: { check?: boolean }) => {
      const good = files.map((file) => formatFile(file, options.check ?? false))
      if (good.includes(false)) throw new WrongInput()
    })
}

/** Formats one file; false where it could not be, or is not formatted under `--check`. */
function formatFile(file: string, check: boolean): boolean {
  const source = readGiven(file)
  if (source === undefined) return false
  const { text, diagnostics } = format(file, source)
  showDiagnostics(diagnostics, new Map([[file, source]]))
  if (text === undefined) return false
  if (text === source) return true
  if (!check) writeFileSync(file, text)
  print(check ? `${file}: not formatted` : `${file}: formatted`)
  return !check
}
