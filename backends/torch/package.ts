/** A PyTorch package from a model: the texts of its files. */
import { buildDenoiser } from '../../compiler/build/denoiser.js'
import { hasLoss } from '../../compiler/build/loss.js'
import { partsOf, type Model } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Graph } from '../../compiler/ir/graph.js'
import { Inexpressible } from './inexpressible.js'
import { levelClasses, planLevels, type LevelPlan } from './levels.js'
import { ModelWriter } from './models.js'
import { trainingModules, type TorchTraining } from './plan.js'
import { classNamesOf, packageName, taken } from './package_names.js'
import { docstring, importLine } from './python.js'
import { exportList, pythonModule, type Source } from './python_module.js'
import { diffusionModule } from './process.js'
import { projectFiles } from './project.js'
import { Registry, type Entry } from './registry.js'
import { samplerModule } from './sampler.js'
import { blockSupport, modelSupport } from './support.js'
import { Trace } from './trace.js'

export interface TorchPackage {
  /** The package's name in Python. */
  readonly name: string
  /** The class of the whole model. */
  readonly className: string
  /** Texts by path. */
  readonly files: ReadonlyMap<string, string>
  readonly graph: Graph
  /** Whether it has a plan of training, which needs the files of the folder `training` beside it. */
  readonly trains: boolean
}

export interface TorchPackageOptions {
  /** Texts by file, for the remarks in them. */
  readonly sources?: ReadonlyMap<string, string>
  /** How the model is trained; the package has no training where it is undefined. */
  readonly training?: TorchTraining | undefined
}

/** Writes the package. What cannot be written is reported, and gives undefined. */
export function torchPackage(
  model: Model,
  report: Report,
  options: TorchPackageOptions = {},
): TorchPackage | undefined {
  if (!hasLoss(model, report)) return undefined
  try {
    return write(model, report, options)
  } catch (error) {
    if (!(error instanceof Inexpressible)) throw error
    report(error.finding, error.span.file === '' ? model.span : error.span)
    return undefined
  }
}

function write(model: Model, report: Report, { sources = new Map(), training }: TorchPackageOptions): TorchPackage {
  const trace = new Trace()
  const graph = buildDenoiser(model, report, { observer: trace })
  const classNames = classNamesOf(model)
  const registry = new Registry(trace, graph.parameters, sources, [...taken, ...classNames.values()])
  const plan = planLevels(model, trace, registry)
  const writer = new ModelWriter(model, trace, registry, plan, classNames)
  const whole = classNames.get(model) ?? model.name
  const name = packageName(model.name)
  // The models first: they say which helpers the blocks' module has to have.
  const models = modelModule(model, writer, registry, whole)
  const blocks = blockModule(model, writer, registry, plan)
  const levels = model.network ? undefined : levelModule(model, registry, plan, sources)
  const process = new Map([
    ['diffusion.py', diffusionModule(model)],
    ['sampler.py', samplerModule(model, classNames)],
  ])
  const modules = new Map([
    ...(blocks === undefined ? [] : [['blocks.py', blocks] as const]),
    ...(levels === undefined ? [] : [['levels.py', levels] as const]),
    ['model.py', models],
    ...process,
    ...(training ? trainingModules(model, training, classNames, process) : []),
    ['__init__.py', packageModule(model, classNames)],
  ])
  const inside = Array.from(modules, ([file, text]) => [`${name}/${file}`, text] as const)
  const files = new Map([...inside, ...projectFiles(name, model, training)])
  return { name, className: whole, files, graph, trains: training !== undefined }
}

/** blocks.py; undefined where the model has none. */
function blockModule(model: Model, writer: ModelWriter, registry: Registry, plan: LevelPlan): string | undefined {
  const used = new Set(registry.entries.flatMap(({ body }) => [...body.host.uses]))
  if (writer.uses.has('zeroed')) used.add('zeroed')
  const helpers = Object.entries(blockSupport).flatMap(([key, text]) => (used.has(key) ? [text.split('\n')] : []))
  const blocks = registry.entries.flatMap((entry) => {
    if (entry.role === 'place') return [registry.render(entry, argumentsInLevels(entry, plan))]
    return entry.role === 'module' || entry.role === 'function' ? [registry.render(entry)] : []
  })
  const definitions = [...helpers, ...blocks]
  return definitions.length === 0 ? undefined : pythonModule(`The blocks of ${model.name}.`, definitions, [])
}

/** A block in a list of levels is given what any of the list is given. */
function argumentsInLevels({ runs, arguments: own }: Entry, { lists }: LevelPlan): readonly string[] {
  const path = runs[0]?.at.path ?? ''
  const list = lists.find(({ name }) => new RegExp(`_blocks\\.\\d+\\.${name}\\.\\d+$`).test(path))
  return list ? list.arguments : own
}

/** levels.py. */
function levelModule(model: Model, registry: Registry, plan: LevelPlan, sources: ReadonlyMap<string, string>): string {
  const about = `The levels of ${model.name}: which blocks follow each other, on the way down and up.`
  return pythonModule(about, levelClasses(plan, registry, sources), [blocksFor(registry, isBetweenLevels)])
}

/** model.py. */
function modelModule(model: Model, writer: ModelWriter, registry: Registry, whole: string): string {
  const classes = writer.classes()
  const supports = Object.entries(modelSupport).flatMap(([key, text]) =>
    writer.uses.has(key) ? [text.split('\n')] : [],
  )
  const about = `The network of ${model.name}: ${partsOf(model).length === 1 ? 'one model' : 'a nest of models'}.`
  const between = registry.entries.filter(isBetweenLevels).map((entry) => entry.name)
  const levels = { module: '.levels', names: ['DownLevel', 'Level', 'MiddleLevel', 'UpLevel', ...between] }
  const blocks = blocksFor(registry, ({ role }) => role === 'network')
  return pythonModule(about, [...supports, ...classes, loadFunction(whole), saveFunction()], [blocks, levels])
}

function isBetweenLevels({ role }: Entry): boolean {
  return role === 'down' || role === 'up'
}

/** What blocks.py has for those that use blocks, and for the classes of `users`. */
function blocksFor(registry: Registry, users: (entry: Entry) => boolean): Source {
  const classes = registry.entries.filter((entry) => entry.host && !isBetweenLevels(entry) && entry.role !== 'network')
  const helpers = registry.entries.filter(users).flatMap(({ body }) => [...body.host.uses])
  return { module: '.blocks', names: ['zeroed', ...classes.map((entry) => entry.name), ...helpers] }
}

/** __init__.py. */
function packageModule(model: Model, classNames: ReadonlyMap<Model, string>): string {
  const classes = [...new Set(partsOf(model).map((part) => classNames.get(part) ?? ''))].sort()
  const ofModel = [...(model.condition ? ['Condition'] : []), ...classes, 'load', 'save']
  const lines = [
    ...docstring(`${model.name}, a Matryoshka diffusion model (Gu et al. 2024).`, 0),
    '',
    'from .diffusion import draw, losses',
    ...importLine('.model', ofModel),
    'from .sampler import sample',
    '',
    ...exportList([...ofModel, 'draw', 'losses', 'sample']),
    '',
  ]
  return lines.join('\n')
}

function loadFunction(whole: string): string[] {
  return [
    `def load(path: str | Path, device: str | torch.device = "cpu") -> ${whole}:`,
    '    """The model with the weights of a safetensors file, which must fit exactly; channels lie last in memory."""',
    '    with torch.device("meta"):',
    `        model = ${whole}()`,
    '    model.load_state_dict(load_file(path, device=str(device)), strict=True, assign=True)',
    '    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]',
  ]
}

function saveFunction(): string[] {
  return [
    'def save(model: nn.Module, path: str | Path) -> None:',
    '    """Writes weights as a safetensors file, which `load` and `mdmc compile --weights` read."""',
    '    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path)',
  ]
}
