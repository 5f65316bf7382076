/** `mdmc compile`: a model as files for deployment. */
import { join } from 'node:path'
import { Option, type Command } from 'commander'
import type { ParameterValues } from '../backends/engine.js'
import type { Model } from '../compiler/check/model.js'
import type { Graph } from '../compiler/ir/graph.js'
import { elementCount } from '../compiler/ir/tensor.js'
import { recomputeChoices, type Recompute } from '../compiler/build/recomputation.js'
import { buildGraph, buildStep, buildTrainingGraph, readModel } from './model.js'
import { whole } from './options.js'
import { byteProgress, type Progress } from './progress.js'
import { print, printJson, say, WrongUsage } from './report.js'
import { chooseWeights } from './weights.js'

/** The options of the command. */
export interface CompileChoice {
  readonly model?: string
  readonly target: string
  readonly output?: string
  /** A path, or false after `--no-weights`. */
  readonly weights?: string | false
  readonly seed?: number
  readonly split?: boolean
  readonly mixedBatch?: boolean
  readonly train?: boolean
  readonly recompute: Recompute
  readonly withSampler?: boolean
  readonly precision: 'fp32' | 'fp16'
  /** 17 where absent. */
  readonly opset?: number
  readonly json?: boolean
}

export function addCompile(program: Command): void {
  program
    .command('compile')
    .description('compile a model into files for deployment')
    .argument('<file>', 'an .mdm file')
    .addOption(new Option('--target <name>', 'what to write').choices(['onnx', 'tfjs', 'torch']).default('onnx'))
    .option('--model <name>', 'which model of the file (default: the last)')
    .option('-o, --output <folder>', 'where to write (default: out/MODEL)')
    .option('--weights <file>', 'weights to put in: .safetensors or .pth')
    .option('--no-weights', 'write the structure alone')
    .option('--seed <number>', 'seed of fresh weights, where no file is given', whole(0, Number.MAX_SAFE_INTEGER))
    .option('--split', 'write condition.onnx, run once per prompt, and denoiser.onnx, run per step')
    .option(
      '--with-sampler',
      'also write sampler.onnx, from noise and condition to images, as the section sample has it',
    )
    .option('--train', 'also write training.onnx, from images, noise and parameters to the loss and its gradients')
    .addOption(
      new Option('--recompute <what>', 'of the training: what to compute twice, which takes time and saves memory')
        .choices(recomputeChoices)
        .default('none'),
    )
    .option('--mixed-batch', 'let high resolutions hold only the first rows of the batch')
    .addOption(new Option('--precision <type>', 'of weights and computation').choices(['fp32', 'fp16']).default('fp32'))
    .option('--opset <version>', 'version of the ONNX operators (default: 17)', whole(17, 22))
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  mdmc compile models/released-64.mdm --weights vis_model_64x64.pth -o s64\n  mdmc compile models/S64S256.mdm --split --precision fp16\n  mdmc compile examples/nested.mdm --with-sampler\n  mdmc compile examples/nested.mdm --train\n  mdmc compile examples/emoji/emoji.mdm --target tfjs --weights emoji.safetensors\n  mdmc compile examples/nested.mdm --target torch -o nested',
    )
    .action(compile)
}

async function compile(file: string, options: CompileChoice): Promise<void> {
  if (options.seed !== undefined && options.weights !== undefined)
    throw new WrongUsage('--seed is for fresh weights; leave out --weights and --no-weights')
  if (options.target === 'tfjs') refuseForTfjs(options)
  else if (options.recompute !== 'none' && !options.train) throw new WrongUsage('--recompute is for --train')
  if (options.target === 'torch') return (await import('./compile_torch.js')).compileTorch(file, options)
  const started = performance.now()
  const model = readModel(file, options.model)
  const isModule = options.target === 'tfjs'
  const graph = buildGraph(model, { mixedBatch: !isModule && (options.mixedBatch ?? false) })
  if (options.split && !model.condition) say(`${model.name} has no condition, so there is nothing to split off`)
  const weights = await chooseWeights(graph.parameters, options)
  const folder = options.output ?? join('out', model.name)
  const files = options.withSampler ? 2 : 1
  const bytes = files * graph.parameters.reduce((total, { shape }) => total + 4 * elementCount(shape), 0)
  const progress = weights && byteProgress('weights', bytes)
  const read = weights && progress && { ...weights, values: counted(weights.values, progress) }
  try {
    const write = isModule ? writeTfjs : writeOnnx
    const result = await write(model, graph, folder, read, options)
    progress?.stop()
    const seconds = (performance.now() - started) / 1000
    if (options.json)
      printJson({ model: model.name, folder, files: result.files, weightBytes: result.weightBytes, seconds })
    else {
      for (const path of result.files) print(path)
      say(
        `${model.name}: ${weights?.about ?? 'structure alone'}, ${(result.weightBytes / 2 ** 20).toFixed(0)} MiB of weights, ${seconds.toFixed(1)} s`,
      )
    }
  } finally {
    progress?.stop()
    await weights?.values.close()
  }
}

interface Written {
  readonly files: readonly string[]
  readonly weightBytes: number
}

type Write = (
  model: Model,
  graph: Graph,
  folder: string,
  weights: { readonly values: ParameterValues; readonly about: string } | undefined,
  options: CompileChoice,
) => Promise<Written>

const writeOnnx: Write = async (model, graph, folder, weights, options) => {
  const { compileToFolder } = await import('../backends/onnx/compile.js')
  const { mixedBatch = false, recompute } = options
  const samplerStep = options.withSampler ? buildStep(model) : undefined
  const training = options.train
    ? buildTrainingGraph(model, { mixedBatch, recompute, lossScale: options.precision === 'fp16' })
    : undefined
  return compileToFolder(model, graph, folder, {
    opset: options.opset ?? 17,
    precision: options.precision === 'fp16' ? 'float16' : 'float32',
    split: options.split ?? false,
    ...(samplerStep ? { samplerStep } : {}),
    ...(training ? { training } : {}),
    weights,
  })
}

const writeTfjs: Write = async (model, graph, folder, weights, { mixedBatch = false, recompute }) => {
  const { compileTfjs } = await import('./compile_tfjs.js')
  const files = await compileTfjs(model, graph, folder, { mixedBatch, recompute, weights: weights?.values })
  const numbers = graph.parameters.reduce((count, { shape }) => count + elementCount(shape), 0)
  return { files, weightBytes: weights ? 4 * numbers : 0 }
}

/** Options of the target onnx that say nothing to a module. */
function refuseForTfjs({ opset, split, withSampler, train, precision }: CompileChoice): void {
  const reasons = [
    opset !== undefined && '--opset is of ONNX; a module of tfjs has none',
    split && '--split is not needed: what depends on the condition alone is always a file of its own',
    withSampler && '--with-sampler is not needed: every module samples',
    train && '--train is not needed: every module trains',
    precision === 'fp16' && '--precision fp16 is of ONNX; tfjs computes in fp32',
  ]
  const [reason] = reasons.filter((found) => typeof found === 'string')
  if (reason !== undefined) throw new WrongUsage(`${reason}; leave it out`)
}

/** Weights that report how far their reading is. */
function counted(values: ParameterValues, progress: Progress): ParameterValues {
  const pieces = values.pieces?.bind(values)
  return {
    read: async (name) => {
      const numbers = await values.read(name)
      progress.advance(numbers.byteLength)
      return numbers
    },
    ...(pieces && {
      async *pieces(name) {
        for await (const numbers of pieces(name)) {
          yield numbers
          progress.advance(numbers.byteLength)
        }
      },
    }),
  }
}
