/** `mdmc sample`: pictures and videos from a spec and weights. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Engine, EngineOptions } from '../backends/engine.js'
import type { SamplerOptions } from '../compiler/build/sampler.js'
import { processOf, type Process } from '../compiler/build/schedule.js'
import type { Sampling } from '../compiler/check/model.js'
import { noWeights, ofSpecOnly } from '../compiler/diagnostics/sample.js'
import { DiagnosticList } from '../compiler/diagnostics/diagnostic.js'
import type { StepNetwork } from '../runtime/sample/network.js'
import type { Wishes } from '../runtime/sample/request.js'
import type { Subject } from '../runtime/sample/subject.js'
import { addEngineOptions, chooseEngine, type EngineChoice } from './engine.js'
import { buildGraph, readModel } from './model.js'
import { positive, whole } from './options.js'
import { stepProgress } from './progress.js'
import { plural, print, printJson, say, showDiagnostics, WrongInput, WrongUsage } from './report.js'
import { freshWeights, weightsOfFile, type ChosenWeights } from './weights.js'

interface SampleChoice extends EngineChoice {
  readonly model?: string
  readonly weights?: string
  readonly freshWeights?: number
  readonly prompt?: readonly string[]
  readonly label?: readonly string[]
  readonly negative?: string
  readonly encoder?: string
  readonly micro?: readonly string[]
  readonly count: number
  readonly batch: number
  readonly seed?: number
  readonly method?: 'ddpm' | 'ddim' | 'dpm'
  readonly steps?: number
  readonly eta?: number
  readonly guidance?: number
  readonly spacing?: 'even' | 'quadratic' | 'log_snr'
  readonly until?: number
  readonly output?: string
  readonly resolutions?: boolean
  readonly trajectory?: string
  readonly video: string
  readonly json?: boolean
}

export function addSample(program: Command): void {
  const command = program
    .command('sample')
    .description('make pictures or videos from a model and its weights')
    .argument('<model>', 'an .mdm file, or a folder that `mdmc compile` wrote')
    .option('--model <name>', 'which model of the file (default: the last)')
    .option('--weights <file>', 'its weights: .safetensors or .pth')
    .option('--fresh-weights <seed>', 'untrained weights instead, to try things out', whole(0, Number.MAX_SAFE_INTEGER))
    .option('--prompt <text...>', 'prompts, for a model of text')
    .option('--label <class...>', 'names or numbers of classes, for a model of labels')
    .option('--negative <text>', 'what guidance leads away from (default: the empty prompt)')
    .option(
      '--encoder <name>',
      'text encoder: hash, a folder with a T5 encoder, or embeddings in .safetensors (default: as the model says)',
    )
    .option('--count <images>', 'images per prompt or label', whole(1, 1_000_000), 1)
    .option('--batch <images>', 'images at a time', whole(1, 4096), 4)
    .option(
      '--seed <number>',
      'seed of the noise (default: as the model says, or 0)',
      whole(0, Number.MAX_SAFE_INTEGER),
    )
    .addOption(new Option('--method <name>', 'solver').choices(['ddpm', 'ddim', 'dpm']))
    .option('--steps <count>', 'steps of the solver', whole(1, 100_000))
    .option('--eta <share>', 'noise of ddim, from 0 to 1', share)
    .option('--guidance <weight>', 'weight of the condition; 1 is none', positive)
    .addOption(new Option('--spacing <name>', 'how the steps are spaced').choices(['even', 'quadratic', 'log_snr']))
    .option('--until <side>', 'stop at a smaller resolution', whole(1, 65_536))
    .option('-o, --output <folder>', 'where to write (default: out/MODEL-samples)')
    .option('--resolutions', 'also every resolution of each image, side by side')
    .option('--trajectory <file>', 'the images as they come into being: .webp, .gif or .mp4')
    .addOption(new Option('--video <ending>', 'format of videos').choices(['.webp', '.gif', '.mp4']).default('.webp'))
  addEngineOptions(command)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  mdmc sample models/S64S256.mdm --weights s256.safetensors --prompt "a fluffy owl" --encoder t5-folder\n  mdmc sample examples/labels.mdm --fresh-weights 1 --label 3 --steps 25 --method dpm --trajectory t.webp',
    )
    .action(sample)
}

function share(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && value <= 1) return value
  throw new InvalidArgumentError('must be a number from 0 to 1')
}

async function sample(path: string, options: SampleChoice): Promise<void> {
  const { settingsOf, imagesOf, conditionerOf } = await import('../runtime/sample/request.js')
  const { Sampler } = await import('../runtime/sample/loop.js')
  const { Gallery } = await import('../runtime/sample/gallery.js')
  if (options.weights !== undefined && options.freshWeights !== undefined)
    throw new WrongUsage('give --weights or --fresh-weights, not both')
  const found = new DiagnosticList()
  const source = existsSync(join(path, 'manifest.json'))
    ? await sourceOfFolder(path, options, found)
    : await sourceOfSpec(path, options, found)
  const { subject } = source
  const wishes: Wishes = {
    prompts: options.prompt ?? [],
    labels: options.label ?? [],
    negative: options.negative,
    encoder: options.encoder,
    count: options.count,
  }
  const settings = settingsOf(subject, changesOf(options), wishes, found.report)
  stopOn(found)
  if (settings === undefined) throw new WrongInput()
  const wanted = imagesOf(wishes)
  const guided = settings.guidance !== 1
  const conditioner = await conditionerOf(subject, wanted, wishes, guided, found.report)
  stopOn(found)
  if (conditioner === undefined) throw new WrongInput()

  const { engine, options: engineOptions } = await chooseEngine(options)
  const seed = settings.seed ?? 0
  // Before the model is loaded: what cannot be written should not cost that time.
  const gallery = await Gallery.open(resolutionsUntil(subject.process, settings.until), {
    folder: options.output ?? join('out', `${subject.name}-samples`),
    resolutions: options.resolutions ?? false,
    trajectory: options.trajectory,
    video: options.video,
    texts: (image) => ({
      Software: 'mdmc',
      mdmc: JSON.stringify({
        model: subject.name,
        spec: subject.specHash,
        ...settings,
        seed,
        image,
        words: wanted[image]?.words ?? '',
        negative: options.negative ?? null,
      }),
    }),
  })
  const prepared = await source.prepare(settings, { threshold: settings.threshold, guided }, engine, engineOptions)
  const sampler = new Sampler(prepared.process, { sampling: settings, seed }, prepared.network)
  try {
    const progress = stepProgress('sampling', Math.ceil(wanted.length / options.batch) * settings.steps)
    const started = performance.now()
    for (let first = 0; first < wanted.length; first += options.batch) {
      const images = wanted.slice(first, first + options.batch)
      const batch = { images: images.map((_, i) => first + i), condition: conditioner(images), micros: subject.micros }
      const result = await sampler.sample(batch, ({ clean }) => {
        progress.advance(1)
        gallery.step(clean)
      })
      await gallery.add(result, first)
    }
    progress.stop()
    await gallery.close()
    const seconds = (performance.now() - started) / 1000
    if (options.json)
      printJson({ model: subject.name, images: wanted.length, ...settings, seed, seconds, files: gallery.files })
    else {
      for (const file of gallery.files) print(file)
      say(
        `${plural(wanted.length, 'image')}, ${settings.method} in ${settings.steps} steps, seed ${seed}, ${source.about}, ${seconds.toFixed(1)} s`,
      )
    }
  } finally {
    await sampler.dispose()
    await source.close()
  }
}

/** A model to sample from, and how to make it ready. */
interface Source {
  readonly subject: Subject
  /** Where the weights come from, in words. */
  readonly about: string
  prepare(
    settings: Sampling,
    step: SamplerOptions,
    engine: Engine,
    options: EngineOptions,
  ): Promise<{ process: Process; network: StepNetwork }>
  close(): Promise<void>
}

async function sourceOfSpec(file: string, options: SampleChoice, found: DiagnosticList): Promise<Source> {
  const model = readModel(file, options.model)
  const { networkOfModel } = await import('../runtime/sample/network.js')
  const { untilSide } = await import('../runtime/sample/smaller.js')
  const { subjectOf } = await import('../runtime/sample/subject.js')
  const { specHash } = await import('../backends/spec_hash.js')
  const graph = buildGraph(model)
  if (options.weights === undefined && options.freshWeights === undefined)
    found.report(noWeights({ model: model.name }), undefined)
  stopOn(found)
  const weights = await chosen(options, graph.parameters)
  return {
    subject: subjectOf(model, specHash(model, graph)),
    about: weights.about,
    prepare: async (settings, step, engine, engineOptions) => {
      const smaller = settings.until === undefined ? undefined : untilSide(model, settings.until)
      const values = smaller ? smaller.weights(weights.values) : weights.values
      const sampled = smaller?.model ?? model
      return {
        process: processOf(sampled),
        network: await networkOfModel(sampled, values, step, engine, engineOptions, found.report),
      }
    },
    close: () => weights.values.close(),
  }
}

async function sourceOfFolder(folder: string, options: SampleChoice, found: DiagnosticList): Promise<Source> {
  const { readCompiled } = await import('../runtime/sample/compiled.js')
  const { networkOfFiles, solverOf } = await import('../runtime/sample/network.js')
  const given = {
    '--weights': options.weights,
    '--fresh-weights': options.freshWeights,
    '--model': options.model,
    '--until': options.until,
    '--engine tfjs': options.engine === 'tfjs' ? true : undefined,
  }
  for (const [option, value] of Object.entries(given))
    if (value !== undefined) found.report(ofSpecOnly({ option }), undefined)
  const compiled = await readCompiled(folder, found.report)
  stopOn(found)
  if (compiled === undefined) throw new WrongInput()
  const { subject, open } = compiled
  return {
    subject: { ...subject, sampling: { ...subject.sampling, until: undefined } },
    about: `files of ${folder}`,
    prepare: async (_, step, engine, engineOptions) => {
      const files = await open(engineOptions)
      stopOn(found)
      if (files === undefined) throw new WrongInput()
      return {
        process: subject.process,
        network: networkOfFiles(files, await solverOf(subject.process, step, engine, engineOptions), step),
      }
    },
    close: async () => undefined,
  }
}

/** The resolutions that are sampled, where sampling stops at a side. */
function resolutionsUntil({ resolutions }: Process, side: number | undefined): Process['resolutions'] {
  return side === undefined
    ? resolutions
    : resolutions.slice(resolutions.findIndex((resolution) => resolution.side === side))
}

function changesOf({ method, steps, eta, guidance, spacing, until, seed }: SampleChoice) {
  const given = Object.entries({ method, steps, eta, guidance, spacing, until, seed }).filter(
    ([, value]) => value !== undefined,
  )
  return Object.fromEntries(given) as Pick<
    SampleChoice,
    'method' | 'steps' | 'eta' | 'guidance' | 'spacing' | 'until' | 'seed'
  >
}

function stopOn(found: DiagnosticList): void {
  if (!found.hasErrors) return
  showDiagnostics(found.all)
  throw new WrongInput()
}

function chosen(
  { weights, freshWeights: seed }: SampleChoice,
  parameters: Parameters<typeof weightsOfFile>[1],
): Promise<ChosenWeights> {
  return weights === undefined ? freshWeights(parameters, seed ?? 0) : weightsOfFile(weights, parameters)
}
