/** `mdmc train`: a spec and a data set become a trained model. */
import { join } from 'node:path'
import { Option, type Command } from 'commander'
import type { Engine, EngineOptions } from '../backends/engine.js'
import { recomputeChoices, type Recompute } from '../compiler/build/recomputation.js'
import type { Model } from '../compiler/check/model.js'
import { checkFile, type CheckedFile } from '../compiler/compile.js'
import { DiagnosticList } from '../compiler/diagnostics/diagnostic.js'
import type { RunFolder } from '../runtime/run/folder.js'
import type { RunSettings } from '../runtime/run/settings.js'
import type { TrainHooks } from '../runtime/train/job.js'
import type { OpenedTraining } from '../runtime/train/open.js'
import { addDataOptions, type DataChoice } from './data_options.js'
import { addEngineOptions, chooseEngine, type EngineChoice } from './engine.js'
import { buildGraph, chooseModel } from './model.js'
import { whole } from './options.js'
import { captionProgress, stepProgress, type Progress } from './progress.js'
import { plural, print, printJson, say, showDiagnostics, stopOn, WrongInput, WrongUsage } from './report.js'
import { interrupted, stopOnSignals } from './signals.js'
import { disk } from './sources.js'
import { version } from './version.js'

/** What a run is begun with; kept in its folder, so that it is taken up as it was begun. */
interface RunChoice extends Omit<DataChoice, 'workers'> {
  readonly model?: string
  readonly steps?: number
  readonly batch?: number
  readonly weights?: string
  readonly recompute: Recompute
  readonly precision?: 'fp32' | 'fp16'
  readonly logEvery: number
  readonly saveEvery: number
  readonly evaluateEvery?: number
  readonly sampleEvery?: number
  readonly sampleSteps?: number
  readonly keep: number
}

interface TrainChoice extends RunChoice, EngineChoice {
  readonly output?: string
  readonly resume?: string
  readonly workers: number
  readonly json?: boolean
}

/** The options that may differ when a run is taken up. */
const ofTheMachine = ['resume', 'engine', 'device', 'threads', 'workers', 'json']

const every = whole(1, 100_000_000)

export function addTrain(program: Command): void {
  const command = program
    .command('train')
    .description('train a model on a data set; Ctrl-C saves, --resume goes on')
    .argument('[file]', 'an .mdm file with a section `train`')
    .option('--model <name>', 'which model of the file (default: the last)')
    .option('-o, --output <folder>', "the run's folder (default: out/MODEL-run)")
    .option('--resume <folder>', 'go on with a run, from its last checkpoint')
    .option('--steps <count>', 'steps of each phase, instead of what the file says', every)
    .option('--batch <images>', 'images of a batch, instead of what the file says', whole(1, 1_000_000))
    .option('--weights <file>', 'weights to start from, of the model or of one nested in it')
    .addOption(
      new Option('--recompute <what>', 'what to compute twice, which takes time and saves memory')
        .choices(recomputeChoices)
        .default('none'),
    )
    .addOption(
      new Option('--precision <type>', 'of the computation (default: as the file says)').choices(['fp32', 'fp16']),
    )
    .option('--log-every <steps>', 'steps from one line of metrics to the next', every, 10)
    .option('--save-every <steps>', 'steps from one checkpoint to the next', every, 500)
    .option('--evaluate-every <steps>', 'steps from one held-out loss to the next (default: as --save-every)', every)
    .option(
      '--sample-every <steps>',
      'steps from one grid of samples to the next; 0: none (default: as --save-every)',
      whole(0, 100_000_000),
    )
    .option(
      '--sample-steps <count>',
      'steps of the solver for the samples (default: as the file says, 50 at most)',
      whole(1, 100_000),
    )
    .option('--keep <count>', 'checkpoints to keep beside the best', whole(1, 1_000_000), 2)
  addDataOptions(command)
  addEngineOptions(command, 'auto')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  mdmc train examples/emoji/emoji.mdm\n  mdmc train mine.mdm --data photos --held-out 5% -o runs/photos\n  mdmc train --resume runs/photos',
    )
    .action((file: string | undefined, options: TrainChoice) => run(file, options, command))
}

async function run(file: string | undefined, options: TrainChoice, command: Command): Promise<void> {
  const { resume } = options
  if ((file === undefined) === (resume === undefined))
    throw new WrongUsage('give an .mdm file to begin a run, or --resume FOLDER to go on with one')
  if (file !== undefined) return begin(file, options)
  const isGiven = (name: string) => command.getOptionValueSource(name) === 'cli'
  const fixed = command.options.find(
    (option) => !ofTheMachine.includes(option.attributeName()) && isGiven(option.attributeName()),
  )
  if (fixed !== undefined) throw new WrongUsage(`a run goes on as it was begun; leave out ${fixed.long ?? ''}`)
  return goOn(resume ?? '', options)
}

async function begin(file: string, options: TrainChoice): Promise<void> {
  const { RunFolder } = await import('../runtime/run/folder.js')
  const found = new DiagnosticList()
  const checked = checkFile(file, disk)
  const opened = await open(file, checked, options, found)
  const chosen = await chooseEngine(options)
  const path = options.output ?? join('out', `${opened.model.name}-run`)
  const folder = await RunFolder.create(path, await settingsOf(opened, checked, options, chosen), found.report)
  stopOn(found, checked.sources)
  if (folder === undefined) throw new WrongInput()
  await work(folder, opened, options, chosen, found)
}

async function goOn(path: string, options: TrainChoice): Promise<void> {
  const { RunFolder } = await import('../runtime/run/folder.js')
  const { dataChanged } = await import('../compiler/diagnostics/train.js')
  const found = new DiagnosticList()
  const folder = await RunFolder.open(path, found.report)
  stopOn(found)
  if (folder === undefined) throw new WrongInput()
  const { settings } = folder
  const sources = new Map(Object.entries(settings.sources))
  const [file = ''] = sources.keys()
  const checked = checkFile(file, { ...disk, read: (name) => sources.get(name) })
  // What a run was begun with has been through the same options.
  const choice = { ...options, ...(settings.options as unknown as RunChoice) }
  const opened = await open(file, checked, choice, found).catch(async (error: unknown) => {
    await folder.close()
    throw error
  })
  if (opened.about.fingerprint !== settings.data.fingerprint)
    found.report(dataChanged({ name: settings.data.name }), undefined)
  if (found.hasErrors) await folder.close()
  stopOn(found, checked.sources)
  await work(folder, opened, choice, await chooseEngine(options), found)
}

type Opened = OpenedTraining & { readonly model: Model; readonly specHash: string }
type Chosen = Awaited<ReturnType<typeof chooseEngine>>

/** Everything that is wrong with the request is said before anything is written. */
async function open(file: string, checked: CheckedFile, options: TrainChoice, found: DiagnosticList): Promise<Opened> {
  const { openTraining } = await import('../runtime/train/open.js')
  const { specHash } = await import('../backends/spec_hash.js')
  const model = chooseModel(file, checked, options.model)
  const words = [...(options.prompt ?? []), ...(options.label ?? [])]
  const wishes = {
    ...options,
    encoder: options.encoder,
    words,
    only: options.only ?? [],
    steps: options.steps,
    batch: options.batch,
    sampleSteps: options.sampleSteps,
  }
  const progress = captionProgress()
  const opened = await openTraining(model, wishes, found.report, progress.advance)
  progress.stop()
  stopOn(found, checked.sources)
  if (opened === undefined) throw new WrongInput()
  return { ...opened, model, specHash: specHash(model, buildGraph(model)) }
}

async function settingsOf(
  opened: Opened,
  checked: CheckedFile,
  options: TrainChoice,
  { engine, options: at }: Chosen,
): Promise<RunSettings> {
  const last = opened.phases.at(-1)
  const {
    output: _output,
    resume: _resume,
    engine: _engine,
    device: _device,
    threads,
    workers: _workers,
    json: _json,
    ...kept
  } = options
  return {
    model: opened.model.name,
    sources: Object.fromEntries(checked.sources),
    specHash: opened.specHash,
    seed: seedOf(opened, options),
    steps: last ? last.firstStep + last.steps : 0,
    device: `${engine.name}, ${at.device}${threads === undefined ? '' : `, ${plural(threads, 'thread')}`}`,
    data: opened.about,
    // As JSON has it, what is undefined is left out.
    options: JSON.parse(JSON.stringify({ ...kept, model: opened.model.name })) as RunSettings['options'],
    versions: { mdmc: version, node: process.versions.node },
  }
}

function seedOf({ training }: Opened, { seed }: RunChoice): number {
  return seed ?? training.seed
}

async function work(
  folder: RunFolder,
  opened: Opened,
  options: TrainChoice,
  { engine, options: at }: Chosen,
  found: DiagnosticList,
): Promise<void> {
  const { train } = await import('../runtime/train/train.js')
  const { model, phases, training, data, previews } = opened
  const started = performance.now()
  const half = inHalfPrecision(options, training, engine, at)
  const plan = {
    model,
    phases,
    training,
    seed: seedOf(opened, options),
    recompute: options.recompute,
    lossScale: half,
    weights: options.weights,
  }
  const rhythm = {
    log: options.logEvery,
    save: options.saveEvery,
    evaluate: options.evaluateEvery ?? options.saveEvery,
    preview: options.sampleEvery ?? options.saveEvery,
    keep: options.keep,
  }
  const signals = stopOnSignals('saving after this step; press Ctrl-C again to end at once')
  let progress: Progress | undefined
  try {
    const passedOver = new DiagnosticList()
    const from = await folder.resume(passedOver.report)
    stopOn(passedOver)
    showDiagnostics(passedOver.all)
    const total = folder.settings.steps
    if (from) say(`going on after step ${from.step} of ${total}`)
    progress = stepProgress('training', total, from?.step)
    let lastLoss: number | undefined
    const hooks: TrainHooks = {
      onStep: (_, loss, rate) => {
        lastLoss = loss ?? lastLoss
        progress?.advance(1, `loss ${(lastLoss ?? NaN).toPrecision(4)}, rate ${rate.toPrecision(3)}`)
      },
      onRemark: say,
      stopping: () => signals.stopping,
    }
    const engineOptions: EngineOptions = half ? { ...at, precision: 'float16' } : at
    const job = {
      plan,
      data,
      workers: options.workers,
      rhythm,
      previews,
      folder,
      engine,
      options: engineOptions,
      hooks,
      report: found.report,
    }
    const outcome = await train(job, from)
    progress.stop()
    showDiagnostics(found.all)
    if (outcome === undefined || outcome.kind === 'failed') throw new WrongInput()
    const seconds = (performance.now() - started) / 1000
    const files =
      outcome.kind === 'done' ? [join(folder.path, 'model.safetensors'), join(folder.path, 'report.html')] : []
    if (options.json)
      printJson({ model: model.name, folder: folder.path, ...outcome, loss: lastLoss ?? null, seconds, files })
    else for (const path of files) print(path)
    if (outcome.kind === 'stopped') {
      say(`saved after step ${outcome.steps} of ${total}; go on with: mdmc train --resume ${folder.path}`)
      process.exitCode = interrupted
    } else
      say(`${model.name}: ${plural(outcome.steps, 'step')}, ${engine.name} on ${at.device}, ${seconds.toFixed(0)} s`)
  } finally {
    progress?.stop()
    signals.release()
    await folder.close()
  }
}

/** Whether to compute in float16; a precision that gains nothing here, or is not there, is said and left. */
function inHalfPrecision(
  { precision }: TrainChoice,
  training: Opened['training'],
  engine: Engine,
  { device }: EngineOptions,
): boolean {
  const wanted = precision === undefined ? training.precision : precision === 'fp16' ? 'float16' : 'float32'
  if (wanted === 'float32') return false
  const possible = wanted === 'float16' && engine.name === 'onnx' && device !== 'cpu'
  if (!possible)
    say(
      `computing in float32: ${engine.name} on ${device} ${wanted === 'float16' ? 'gains nothing from' : 'has no'} ${wanted}`,
    )
  return possible
}
