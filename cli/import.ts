/** `mdmc import`: reference configurations to .mdm, and weights from one format into the other. */
import { existsSync, writeFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { Command } from 'commander'
import { DiagnosticList } from '../compiler/diagnostics/diagnostic.js'
import { checkFile } from '../compiler/compile.js'
import { whole } from './options.js'
import { print, say, showDiagnostics, WrongInput, WrongUsage } from './report.js'
import { disk, readGiven } from './sources.js'

interface ImportChoice {
  readonly output?: string
  readonly name?: string
  readonly side?: number
  readonly force?: boolean
}

const weightFormats = ['.pth', '.pt', '.safetensors']

export function addImport(program: Command): void {
  program
    .command('import')
    .description("turn a reference implementation's YAML file into .mdm, or .pth into .safetensors and back")
    .argument('<file>', '.yaml, .json, .pth or .safetensors')
    .option(
      '-o, --output <file>',
      'where to write; its ending says the format (default: .mdm is printed, weights get the other ending)',
    )
    .option('--name <name>', 'name of the model (default: from the file)')
    .option(
      '--side <pixels>',
      'side of the image, where the file does not give it (default: 64 innermost)',
      whole(1, 65_536),
    )
    .option('--force', 'write over a file that exists')
    .addHelpText(
      'after',
      '\nExamples:\n  mdmc import cc12m_256x256.yaml -o mine.mdm\n  mdmc import vis_model_64x64.pth -o s64.safetensors',
    )
    .action((file: string, options: ImportChoice) =>
      weightFormats.includes(extname(file)) ? importWeights(file, options) : importConfiguration(file, options),
    )
}

async function importWeights(file: string, { output, name, side, force }: ImportChoice): Promise<void> {
  if (name !== undefined || side !== undefined)
    throw new WrongUsage('--name and --side are for configurations, not for weights')
  const target =
    output ?? file.slice(0, -extname(file).length) + (extname(file) === '.safetensors' ? '.pth' : '.safetensors')
  if (!weightFormats.includes(extname(target)))
    throw new WrongUsage(`weights are written as .safetensors or .pth, not ${extname(target) || 'without an ending'}`)
  refuseToOverwrite(target, force)
  const { convertWeights } = await import('../runtime/weights/convert.js')
  const found = new DiagnosticList()
  const done = await convertWeights(file, target, found.report)
  showDiagnostics(found.all)
  if (!done) throw new WrongInput()
  print(target)
}

async function importConfiguration(file: string, { output, name, side, force }: ImportChoice): Promise<void> {
  if (output !== undefined && extname(output) !== '.mdm') throw new WrongUsage('a configuration is written as .mdm')
  const text = readGiven(file)
  if (text === undefined) throw new WrongInput()
  const found = new DiagnosticList()
  // Reading YAML is of no use to other commands, and would cost each of them a tenth of a second.
  const { importReference } = await import('../compiler/import/import.js')
  const result = importReference(file, text, { name, side }, found.report)
  showDiagnostics(found.all, new Map([[file, text]]))
  if (result === undefined) throw new WrongInput()
  const target = output ?? 'imported.mdm'
  const checked = checkFile(target, { ...disk, read: (path) => (path === target ? result : disk.read(path)) })
  showDiagnostics(checked.diagnostics, checked.sources)
  if (checked.hasErrors) throw new WrongInput()
  if (output === undefined) {
    print(result.trimEnd())
    return
  }
  refuseToOverwrite(output, force)
  writeFileSync(output, result)
  say(`${output}: ${checked.models.map((model) => model.name).join(', ')}`)
}

function refuseToOverwrite(path: string, force: boolean | undefined): void {
  if (!force && existsSync(path)) throw new WrongUsage(`${path} exists; choose another name or give --force`)
}
