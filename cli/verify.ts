/** `mdmc verify`: recorded cases on an engine, with the error of every tensor. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { DiagnosticList } from '../compiler/diagnostics/diagnostic.js'
import type { CaseResult } from '../runtime/verify/verify.js'
import { addEngineOptions, chooseDevice, chooseEngine, type EngineChoice } from './engine.js'
import { positive } from './options.js'
import { plural, print, printJson, showDiagnostics, WrongInput } from './report.js'
import { disk } from './sources.js'

export function addVerify(program: Command): void {
  const command = program
    .command('verify')
    .description('run recorded cases on an engine and compare every tensor with the recorded one')
    .argument('<case...>', 'folders with case.json, or folders of such folders')
  addEngineOptions(command, undefined, ['torch'])
    .option('--tolerance <error>', "largest error allowed, instead of each case's own", positive)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  mdmc verify cases/nested2\n  mdmc verify cases --engine reference\n  mdmc verify cases/nested2 --device webgpu --tolerance 1e-3',
    )
    .action(async (folders: string[], options: EngineChoice & { tolerance?: number; json?: boolean }) => {
      const { verifyCase } = await import('../runtime/verify/verify.js')
      const torch =
        options.engine === 'torch' ? new (await import('../runtime/torch/engine.js')).TorchEngine() : undefined
      const { engine, options: engineOptions } = await (torch ? chooseDevice(torch, options) : chooseEngine(options))
      const found = new DiagnosticList()
      const results: CaseResult[] = []
      const cases = folders.flatMap(casesIn)
      try {
        for (const path of cases) {
          const result = await verifyCase(path, {
            ...engineOptions,
            engine,
            host: disk,
            tolerance: options.tolerance,
            report: found.report,
          })
          if (result === undefined) continue
          results.push(result)
          if (!options.json) show(result)
        }
      } finally {
        await torch?.close()
      }
      if (options.json) printJson({ cases: results })
      showDiagnostics(found.all)
      const passed = results.filter((result) => result.passed).length
      if (!options.json)
        print(`${passed} of ${plural(cases.length, 'case')} passed on ${engine.name}, ${engineOptions.device}`)
      if (passed < cases.length) throw new WrongInput()
    })
}

/** A folder is a case, or holds cases. */
function casesIn(folder: string): string[] {
  if (existsSync(join(folder, 'case.json')) || !statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    return [folder]
  const inside = readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => existsSync(join(path, 'case.json')))
  return inside.length === 0 ? [folder] : inside.sort()
}

function show({ case: path, passed, tensors }: CaseResult): void {
  print(`${passed ? 'passed' : 'FAILED'}  ${path}`)
  for (const { name, error, tolerance, group } of tensors) {
    if (group === undefined) print(`        ${name.padEnd(12)} error ${error.toExponential(2)}  tolerance ${tolerance}`)
  }
  for (const group of new Set(tensors.flatMap((tensor) => tensor.group ?? []))) showGroup(group, tensors)
  if (tensors.length === 0)
    print(`        ${passed ? 'parameters only: names, shapes and order agree' : 'parameters differ'}`)
}

/** Many tensors by their number and their largest error. */
function showGroup(group: string, tensors: CaseResult['tensors']): void {
  const members = tensors.filter((tensor) => tensor.group === group)
  const [first] = members
  if (first === undefined) return
  const worst = members.reduce((a, b) => (b.error <= a.error ? a : b), first)
  print(
    `        ${members.length} ${group}: error at most ${worst.error.toExponential(2)} (${worst.name})  tolerance ${worst.tolerance}`,
  )
}
