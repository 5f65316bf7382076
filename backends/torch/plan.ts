/** plan.py: the section `train` of a model, and the modules of diffusion and sampling that its phases need. */
import { microDefaults } from '../../compiler/build/denoiser.js'
import { resolutionName } from '../../compiler/build/nest.js'
import { innermost, partsOf, type Model, type Training } from '../../compiler/check/model.js'
import { sharesOf } from './loss.js'
import { diffusionModule } from './process.js'
import { docstring, float, importLine, indented, listed } from './python.js'
import { samplerModule } from './sampler.js'

/** A phase as `mdmc train` plans it. */
export interface TorchPhase {
  /** The part that is trained, with the phase's own mix of resolutions. */
  readonly model: Model
  /** Undefined where the model does not say. */
  readonly steps: number | undefined
  readonly batch: number | undefined
  readonly rate: number
  readonly frozen: (parameter: { readonly name: string }) => boolean
  readonly start: string | undefined
}

export interface TorchTraining {
  readonly settings: Omit<Training, 'phases'>
  readonly phases: readonly TorchPhase[]
}

/** Texts of modules by file; those that `files` has already are used where they say the same. */
export function trainingModules(
  model: Model,
  { settings, phases }: TorchTraining,
  classNames: ReadonlyMap<Model, string>,
  files: ReadonlyMap<string, string>,
): Map<string, string> {
  const modules = new Map(files)
  const imported = new Set<string>()
  const classes = new Set<string>()
  /** The name of a module with this text, new where there is none. */
  const moduleOf = (kind: string, part: Model, text: string): string => {
    const has = (name: string) => modules.get(`${name}.py`)
    const base = text === has(kind) ? kind : `${kind}_${part.name.toLowerCase()}`
    let name = base
    for (let i = 2; has(name) !== undefined && has(name) !== text; i++) name = `${base}_${i}`
    modules.set(`${name}.py`, text)
    imported.add(name)
    return name
  }
  const written = phases.map((phase) => {
    const part = partsOf(model).find(({ name }) => name === phase.model.name) ?? model
    const name = classNames.get(part) ?? part.name
    classes.add(name)
    const diffusion = moduleOf('diffusion', part, diffusionModule(phase.model))
    // Schedules, all that a sampler needs of a process, do not depend on the mix of resolutions.
    const process = part === model ? 'diffusion' : diffusion
    const shown = { ...part, sampling: { ...model.sampling, until: undefined } }
    const sampler = moduleOf('sampler', part, samplerModule(shown, new Map([[shown, name]]), process))
    return phaseLines(phase, part, [name, diffusion, sampler])
  })
  const inputs = innermost(model).condition
  const condition = inputs?.kind === 'text' ? ['Text'] : inputs?.kind === 'label' ? ['Labels'] : []
  const names = inputs?.kind === 'label' ? inputs.names : []
  modules.set(
    'plan.py',
    [
      ...docstring(`How ${model.name} is trained: its section \`train\`.`, 0),
      '',
      ...importLine('.', [...imported]),
      ...importLine('.model', [...classes]),
      ...importLine('.settings', ['Inputs', 'Phase', 'Settings', ...condition]),
      '',
      ...(names.length === 0 ? [] : [...classLines(names), '']),
      ...settingsLines(settings),
      '',
      'PHASES = (',
      ...indented(written.flat()),
      ')',
      '',
    ].join('\n'),
  )
  for (const name of files.keys()) modules.delete(name)
  return modules
}

function classLines(names: readonly string[]): string[] {
  const [only = '', ...more] = names.map(text)
  return more.length === 0 ? [`CLASSES = (${only},)`] : listed('CLASSES = (', [only, ...more], ')', 0)
}

function settingsLines({ optimizer, ...settings }: TorchTraining['settings']): string[] {
  const { betas, epsilon } = optimizer
  const values = {
    optimizer: text(optimizer.kind),
    betas: `(${betas.map(float).join(', ')})`,
    epsilon: float(epsilon),
    weight_decay: float(optimizer.weightDecay),
    warmup: String(optimizer.warmup),
    decay: text(optimizer.decay),
    clip: float(optimizer.clip),
    average: float(settings.average),
    accumulate: String(settings.accumulate),
    precision: text(settings.precision),
    condition_dropout: float(settings.conditionDropout),
    flip: settings.flip ? 'True' : 'False',
    seed: String(settings.seed),
  }
  return ['SETTINGS = Settings(', ...indented(Object.entries(values).map(([key, value]) => `${key}=${value},`)), ')']
}

function phaseLines({ model, steps, batch, rate, frozen, start }: TorchPhase, part: Model, names: string[]): string[] {
  const parts = partsOf(model)
  const prefixes = parts.map((_, depth) => 'inner_unet.'.repeat(depth))
  const kept = prefixes.find((name) => frozen({ name }))
  const pretrained = parts.flatMap(({ inner }, depth) =>
    inner?.pretrained === undefined ? [] : [`(${depth + 1}, ${text(inner.pretrained)})`],
  )
  const [name = '', diffusion = '', sampler = ''] = names
  const lines = [
    text(part.name),
    name,
    diffusion,
    sampler,
    listed('inputs=Inputs(', inputsOf(part), ')', 2, 1).join('\n'),
    `resolutions=${tuple(parts.map((one) => text(resolutionName(one))))}`,
    `shares=${tuple(sharesOf(model).map(float))}`,
    `rate=${float(rate)}`,
    `steps=${steps ?? 'None'}`,
    `batch=${batch ?? 'None'}`,
    ...(kept === undefined ? [] : [`frozen=${text(kept)}`]),
    ...(start === undefined ? [] : [`start=${text(start)}`]),
    ...(pretrained.length === 0 ? [] : [`pretrained=${tuple(pretrained)}`]),
  ]
  return ['Phase(', ...indented(lines.flatMap((line) => `${line},`.split('\n'))), '),']
}

function inputsOf(part: Model): string[] {
  const { condition } = innermost(part)
  const given =
    condition === undefined
      ? 'None'
      : condition.kind === 'text'
        ? `Text(${condition.width}, masked=${condition.masked ? 'True' : 'False'})`
        : `Labels(${condition.classes}, ${condition.names.length > 0 ? 'CLASSES' : '()'})`
  const micros = Array.from(microDefaults(part), ([key, value]) => `${text(key)}: ${float(value)}`).join(', ')
  return [String(part.side), String(part.frames), String(part.imageChannels), given, `{${micros}}`]
}

/** A text as Python writes it; JSON's escapes are Python's too. */
function text(value: string): string {
  return JSON.stringify(value)
}

function tuple(items: readonly string[]): string {
  return items.length === 1 ? `(${items[0] ?? ''},)` : `(${items.join(', ')})`
}
