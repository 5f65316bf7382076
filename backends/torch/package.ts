/** A PyTorch package from a model: the texts of its files. */
import { buildDenoiser } from '../../compiler/build/denoiser.js'
import { partsOf, type Model } from '../../compiler/check/model.js'
import { cannotTrain } from '../../compiler/diagnostics/train.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import type { Graph } from '../../compiler/ir/graph.js'
import { Inexpressible } from './inexpressible.js'
import { levelClasses, planLevels } from './levels.js'
import { ModelWriter } from './models.js'
import { trainingModules, type TorchTraining } from './plan.js'
import { className, docstring, importLine, inImportOrder, lineLength } from './python.js'
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

/** Names that the modules of a package have in any case. */
const taken =
  'Any Callable ClassVar Condition DownLevel Level LayerT Losses Mapping MiddleLevel NamedTuple Part Sequence Step TypeVar UpLevel attend cache checkpoint load mean_of_real per_frame save sinusoids zeroed frames_into_batch frames_out_of_batch onto_grid off_grid'.split(
    ' ',
  )

/** Writes the package. What cannot be written is reported, and gives undefined. */
export function torchPackage(
  model: Model,
  report: Report,
  options: TorchPackageOptions = {},
): TorchPackage | undefined {
  const unsupported = model.diffusion.randomInterpolation
    ? 'random_interpolation yes'
    : partsOf(model).some((part) => part.diffusion.frameChoice === 'random')
      ? 'frame_choice random'
      : undefined
  if (unsupported !== undefined) {
    report(cannotTrain({ model: model.name, setting: unsupported }), model.span)
    return undefined
  }
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
  const classNames = namesOf(model)
  const registry = new Registry(trace, graph.parameters, sources, [...taken, ...classNames.values()])
  const plan = planLevels(model, trace, registry)
  const writer = new ModelWriter(model, trace, registry, plan, classNames)
  const whole = classNames.get(model) ?? model.name
  const name = packageName(model.name)
  const models = writer.classes()
  const blocks = registry.entries
    .filter(({ role }) => role === 'place' || role === 'module' || role === 'function')
    .map((entry) =>
      registry.render(
        entry,
        entry.role === 'place'
          ? forcedArguments(entry.arguments, entry.runs[0]?.at.path ?? '', plan.lists)
          : entry.arguments,
      ),
    )
  const used = new Set(registry.entries.flatMap(({ body }) => [...body.host.uses]))
  for (const one of writer.uses) if (one === 'zeroed') used.add(one)
  const helpers = Object.entries(blockSupport).flatMap(([key, text]) => (used.has(key) ? [text.split('\n')] : []))
  const levels = model.network ? [] : levelClasses(plan, registry, sources)
  const supports = Object.entries(modelSupport).flatMap(([key, text]) =>
    writer.uses.has(key) ? [text.split('\n')] : [],
  )
  const isBetween = ({ role }: Entry) => role === 'down' || role === 'up'
  const classes = registry.entries.filter(
    ({ host, role }) => host && role !== 'down' && role !== 'up' && role !== 'network',
  )
  const usedIn = (of: (entry: Entry) => boolean) =>
    registry.entries.filter(of).flatMap(({ body }) => [...body.host.uses])
  const blockNames = (of: (entry: Entry) => boolean) => ['zeroed', ...classes.map((entry) => entry.name), ...usedIn(of)]
  const levelNames = [
    'DownLevel',
    'Level',
    'MiddleLevel',
    'UpLevel',
    ...registry.entries.filter(({ role }) => role === 'down' || role === 'up').map((entry) => entry.name),
  ]
  const own = (module: string, names: readonly string[]) => ({ module, names })
  const files = new Map<string, string>()
  const put = (file: string, text: string) => files.set(`${name}/${file}`, text)
  if (helpers.length + blocks.length > 0)
    put('blocks.py', pythonModule(`The blocks of ${model.name}.`, [...helpers, ...blocks], []))
  if (levels.length > 0)
    put(
      'levels.py',
      pythonModule(`The levels of ${model.name}: which blocks follow each other, on the way down and up.`, levels, [
        own('.blocks', blockNames(isBetween)),
      ]),
    )
  const inside = [...supports, ...models, loadFunction(whole), saveFunction()]
  put(
    'model.py',
    pythonModule(
      `The network of ${model.name}: ${partsOf(model).length === 1 ? 'one model' : 'a nest of models'}.`,
      inside,
      [
        own(
          '.blocks',
          blockNames(({ role }) => role === 'network'),
        ),
        own('.levels', levelNames),
      ],
    ),
  )
  const process = new Map([
    ['diffusion.py', diffusionModule(model)],
    ['sampler.py', samplerModule(model, classNames)],
  ])
  const planned = training ? trainingModules(model, training, classNames, process) : []
  for (const [file, text] of [...process, ...planned]) put(file, text)
  const exported = [...new Set(partsOf(model).map((part) => classNames.get(part) ?? ''))].sort()
  put(
    '__init__.py',
    [
      ...docstring(`${model.name}, a Matryoshka diffusion model (Gu et al. 2024).`, 0),
      '',
      'from .diffusion import draw, losses',
      ...importLine('.model', [...(model.condition ? ['Condition'] : []), ...exported, 'load', 'save']),
      'from .sampler import sample',
      '',
      ...exportList([
        ...(model.condition ? ['Condition'] : []),
        ...exported,
        'draw',
        'load',
        'losses',
        'sample',
        'save',
      ]),
      '',
    ].join('\n'),
  )
  for (const [file, text] of projectFiles(name, model, training)) files.set(file, text)
  return { name, className: whole, files, graph, trains: training !== undefined }
}

/** A block in a list of levels is given what any of the list is given. */
function forcedArguments(
  own: readonly string[],
  path: string,
  lists: readonly { readonly name: string; readonly arguments: readonly string[] }[],
): readonly string[] {
  const list = lists.find(({ name }) => new RegExp(`_blocks\\.\\d+\\.${name}\\.\\d+$`).test(path))
  return list ? list.arguments : own
}

/** A name for each model's class, the model's own where Python allows it. */
function namesOf(model: Model): ReadonlyMap<Model, string> {
  const names = new Map<Model, string>()
  for (const part of partsOf(model)) {
    const plain = /^[A-Z]/.test(part.name) && !taken.includes(part.name) ? part.name : `${className(part.name)}Model`
    let name = plain
    for (let i = 2; [...names.values()].includes(name); i++) name = `${plain}${i}`
    names.set(part, name)
  }
  return names
}

function packageName(model: string): string {
  const name = model.toLowerCase()
  return /^[a-z]/.test(name) &&
    ![
      'as',
      'if',
      'in',
      'is',
      'or',
      'and',
      'not',
      'for',
      'def',
      'del',
      'try',
      'torch',
      'class',
      'test',
      'train',
      'safetensors',
    ].includes(name)
    ? name
    : `${name}_model`
}

interface Source {
  readonly module: string
  readonly names: readonly string[]
}

/** A module: what it is, the imports that its text needs, its definitions. */
function pythonModule(about: string, definitions: readonly (readonly string[])[], sources: readonly Source[]): string {
  const text = definitions.map((lines) => lines.join('\n')).join('\n\n\n')
  const has = (name: string) => new RegExp(`(?<![\\w."])${name}\\b`).test(text)
  const from = (module: string, names: readonly string[]) => {
    const needed = names.filter(has)
    return needed.length === 0 ? [] : importLine(module, needed)
  }
  const standard = [
    ...(has('math') ? ['import math'] : []),
    ...from('collections.abc', ['Callable', 'Mapping', 'Sequence']),
    ...(has('Path') ? ['from pathlib import Path'] : []),
    ...from('typing', ['Any', 'ClassVar', 'NamedTuple', 'TypeVar']),
  ]
  const torch = [
    ...(has('torch') ? ['import torch'] : []),
    ...(has('F') ? ['import torch.nn.functional as F'] : []),
    ...from('safetensors.torch', ['load_file', 'save_file']),
    ...from('torch', ['Tensor', 'nn']),
    ...from('torch.utils.checkpoint', ['checkpoint']),
  ]
  const own = sources.flatMap(({ module, names }) => from(module, names))
  const groups = [standard, torch, own].filter((group) => group.length > 0)
  return `${[...docstring(about, 0), '', ...groups.flatMap((group, i) => (i === 0 ? group : ['', ...group]))].join('\n')}\n\n${/^(def|class|@)/.test(text) ? '\n' : ''}${text}\n`
}

function exportList(names: readonly string[]): string[] {
  const sorted = inImportOrder(names)
  const one = `__all__ = [${sorted.map((name) => `"${name}"`).join(', ')}]`
  return one.length <= lineLength ? [one] : ['__all__ = [', ...sorted.map((name) => `    "${name}",`), ']']
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
