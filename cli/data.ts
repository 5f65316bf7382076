/** `mdmc data export`: a data set becomes WebDataset shards for training in PyTorch. */
import { join } from 'node:path'
import { Option, type Command } from 'commander'
import { checkFile } from '../compiler/compile.js'
import { DiagnosticList } from '../compiler/diagnostics/diagnostic.js'
import type { ExportHooks, ExportOutcome } from '../runtime/export/export.js'
import type { ExportFolder } from '../runtime/export/folder.js'
import type { OpenedExport } from '../runtime/export/open.js'
import { addDataOptions, type DataChoice } from './data_options.js'
import { chooseModel } from './model.js'
import { whole } from './options.js'
import { captionProgress, itemProgress, type Progress } from './progress.js'
import { plural, print, printJson, say, showDiagnostics, stopOn, WrongInput } from './report.js'
import { interrupted, stopOnSignals } from './signals.js'
import { disk } from './sources.js'

interface ExportChoice extends DataChoice {
  readonly model?: string
  readonly output?: string
  readonly shardSize: number
  readonly textPrecision: 'fp32' | 'fp16'
  readonly json?: boolean
}

export function addData(program: Command): void {
  const data = program.command('data').description('data sets for training elsewhere')
  const command = data
    .command('export')
    .description('write a data set as WebDataset shards for PyTorch, captions embedded; called again, it goes on')
    .argument('<file>', 'an .mdm file')
    .option('--model <name>', 'which model of the file (default: the last)')
    .option('-o, --output <folder>', 'folder to write to (default: out/MODEL-data)')
    .option('--shard-size <examples>', 'examples in a shard', whole(1, 1_000_000), 1000)
    .addOption(
      new Option('--text-precision <type>', 'of the embedded captions').choices(['fp32', 'fp16']).default('fp32'),
    )
  addDataOptions(command)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  mdmc data export examples/emoji/emoji.mdm -o out/emoji\n  mdmc data export mine.mdm --data photos --held-out 5% -o shards\n  mdmc data export mine.mdm --data "cc12m-{00000..01242}.tar" --encoder flan-t5-xl --text-precision fp16 --workers 16',
    )
    .action(run)
}

async function run(file: string, options: ExportChoice): Promise<void> {
  const { ExportFolder } = await import('../runtime/export/folder.js')
  const found = new DiagnosticList()
  const started = performance.now()
  const opened = await open(file, options, found)
  const path = options.output ?? join('out', `${opened.model.name}-data`)
  const folder = await ExportFolder.open(path, opened.settings, found.report)
  stopOn(found)
  if (folder === undefined) throw new WrongInput()
  const signals = stopOnSignals('ending; press Ctrl-C again to end at once')
  try {
    const outcome = await work(opened, folder, options.workers, () => signals.stopping, found)
    showDiagnostics(found.all)
    if (outcome === undefined) throw new WrongInput()
    tell(outcome, opened, path, options, (performance.now() - started) / 1000)
  } finally {
    signals.release()
    await folder.close()
  }
}

/** Everything that is wrong with the request is said before anything is written. */
async function open(file: string, options: ExportChoice, found: DiagnosticList): Promise<OpenedExport> {
  const { openExport } = await import('../runtime/export/open.js')
  const { publishedTraining } = await import('../runtime/train/phases.js')
  const checked = checkFile(file, disk)
  const model = chooseModel(file, checked, options.model)
  const wishes = {
    data: options.data,
    only: options.only ?? [],
    heldOut: options.heldOut,
    encoder: options.encoder,
    prompts: options.prompt ?? [],
    labels: options.label ?? [],
    seed: options.seed ?? (model.training ?? publishedTraining).seed,
    shardSize: options.shardSize,
    textPrecision: options.textPrecision,
  }
  const progress = captionProgress()
  const opened = await openExport(model, wishes, found.report, progress.advance)
  progress.stop()
  stopOn(found, checked.sources)
  if (opened === undefined) throw new WrongInput()
  return opened
}

async function work(
  opened: OpenedExport,
  folder: ExportFolder,
  workers: number,
  stopping: () => boolean,
  found: DiagnosticList,
): Promise<ExportOutcome | undefined> {
  const { examplesIn, exportData } = await import('../runtime/export/export.js')
  let earlier = 0
  let progress: Progress | undefined
  const hooks: ExportHooks = {
    onExamples: (count, before) => {
      if (progress) progress.advance(count + before)
      else if (count === 0) earlier += before
      else {
        if (earlier > 0) say(`going on after ${plural(earlier, 'example')}`)
        progress = itemProgress('examples', examplesIn(opened), earlier)
        progress.advance(count)
      }
    },
    stopping,
  }
  try {
    return await exportData(opened, folder, workers, hooks, found.report)
  } finally {
    progress?.stop()
  }
}

function tell(
  outcome: ExportOutcome,
  { model }: OpenedExport,
  path: string,
  { json }: ExportChoice,
  seconds: number,
): void {
  if (outcome.kind === 'stopped') {
    if (json) printJson({ model: model.name, folder: path, kind: outcome.kind, seconds })
    say('the shards that are whole are kept; the same command goes on')
    process.exitCode = interrupted
    return
  }
  const { training, heldOut } = outcome
  const skipped = [...training.skipped, ...(heldOut?.skipped ?? [])]
  if (json)
    printJson({
      model: model.name,
      folder: path,
      kind: outcome.kind,
      examples: training.examples,
      heldOut: heldOut?.examples ?? 0,
      shards: training.shards.length + (heldOut?.shards.length ?? 0),
      skipped,
      seconds,
      files: [join(path, 'dataset.json')],
    })
  else print(join(path, 'dataset.json'))
  const parts = [
    `${plural(training.examples, 'example')} in ${plural(training.shards.length, 'shard')}`,
    ...(heldOut ? [`${heldOut.examples} held out`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} left out as damaged (see export.json)`] : []),
    `${seconds.toFixed(0)} s`,
  ]
  say(`${model.name}: ${parts.join(', ')}`)
}
