/** Checks models: from syntax to the checked model, inner models first. */
import type { Report } from '../diagnostics/diagnostic.js'
import { tooLarge } from '../diagnostics/block.js'
import { circular, unknownName } from '../diagnostics/language.js'
import * as say from '../diagnostics/model.js'
import type * as ast from '../syntax/ast.js'
import { checkBlocks } from './blocks.js'
import { readCondition, readMicro, readOwnCondition } from './condition.js'
import { readDiffusion, readSampling, readTraining } from './diffusion.js'
import { readLevels } from './levels.js'
import type { Definition, LoadedFile, Program } from './load.js'
import { innermost, partsOf, type BlockOf, type Inner, type Model } from './model.js'
import { checkNest } from './nest.js'
import { percent, pixels, SectionReader, type PropertyReader } from './section.js'
import { nearestFix } from './spelling.js'

/** Checks every model of the program's main file, in the order of the file. */
export function checkProgram(program: Program, report: Report): Model[] {
  const checker = new Checker(program, report)
  const models = program.main.syntax.models.flatMap((syntax) => {
    const definition = program.main.names.get(syntax.name.text)
    return definition?.kind === 'model' && definition.syntax === syntax ? (checker.model(definition) ?? []) : []
  })
  checker.strayedSettings(program.main)
  checkBlocks(program.main, report)
  return models
}

/** Models nested in each other; the paper has five. More than this is a mistake. */
const mostNested = 16

class Checker {
  readonly #done = new Map<ast.ModelSyntax, Model | undefined>()
  readonly #open: ast.ModelSyntax[] = []
  #toldTooMany = false

  constructor(
    private readonly program: Program,
    private readonly report: Report,
  ) {}

  model(definition: Definition & { kind: 'model' }): Model | undefined {
    const { syntax, file } = definition
    if (this.#done.has(syntax)) return this.#done.get(syntax)
    if (this.#open.includes(syntax)) {
      const chain = [...this.#open.slice(this.#open.indexOf(syntax)), syntax].map(({ name }) => name.text)
      this.report(circular({ what: 'models', chain }), syntax.nests?.span ?? syntax.name.span)
      return undefined
    }
    if (this.#open.length >= mostNested) {
      this.#tooMany(syntax.nests ?? syntax.name)
      return undefined
    }
    this.#open.push(syntax)
    const model = this.#check(syntax, file)
    this.#open.pop()
    this.#done.set(syntax, model)
    return model
  }

  #tooMany({ span }: ast.Named): void {
    if (this.#toldTooMany) return
    this.#toldTooMany = true
    this.report(tooLarge({ what: 'models nested in each other', most: mostNested }), span)
  }

  /** `train` and `sample` sections must belong to a model. */
  strayedSettings(file: LoadedFile): void {
    const known = [...file.names].filter(([, definition]) => definition.kind === 'model').map(([name]) => name)
    for (const { name, kind } of file.syntax.settings) {
      if (!known.includes(name.text) && !file.incomplete)
        this.report(
          unknownName({ what: `model to ${kind}`, name: name.text, known }),
          name.span,
          nearestFix(name.text, known, name.span),
        )
    }
  }

  #blockOf(file: LoadedFile): BlockOf {
    return (name, { arguments: given, span, nameSpan }) => {
      const definition = file.names.get(name)
      if (definition?.kind === 'block')
        return { name, block: definition.syntax, home: definition.file, arguments: given, span }
      const known = [...file.names].filter(([, other]) => other.kind === 'block').map(([other]) => other)
      if (definition) this.report(say.notABlock({ name, found: 'model', expected: 'block' }), span)
      else if (!file.incomplete)
        this.report(
          unknownName({ what: 'block', name, known }),
          nameSpan ?? span,
          nameSpan && nearestFix(name, known, nameSpan),
        )
      return undefined
    }
  }

  #inner(syntax: ast.ModelSyntax, file: LoadedFile): Model | 'wrong' | undefined {
    if (syntax.nests === undefined) return undefined
    const { text, span } = syntax.nests
    const definition = file.names.get(text)
    if (definition?.kind === 'model') return this.model(definition) ?? 'wrong'
    const known = [...file.names]
      .filter(([name, other]) => other.kind === 'model' && name !== syntax.name.text)
      .map(([name]) => name)
    if (definition) this.report(say.notABlock({ name: text, found: 'block', expected: 'model' }), span)
    else if (!file.incomplete)
      this.report(unknownName({ what: 'model', name: text, known }), span, nearestFix(text, known, span))
    return 'wrong'
  }

  #check(syntax: ast.ModelSyntax, file: LoadedFile): Model | undefined {
    if (syntax.damaged) return undefined
    const { report } = this
    const nested = this.#inner(syntax, file)
    const inner = nested === 'wrong' ? undefined : nested
    if (inner && partsOf(inner).length >= mostNested) {
      this.#tooMany(syntax.nests ?? syntax.name)
      return undefined
    }
    const r = new SectionReader(`model ${syntax.name.text}`, syntax.section, report, syntax.name.span)
    const blockOf = this.#blockOf(file)
    const block = (key: string, standard: string) =>
      r.one(key, (p) => {
        const use = p.reference('a block')
        return use && blockOf(use.value.name, { ...use.value, span: use.span })
      }) ?? blockOf(standard, { arguments: [], span: syntax.name.span })

    const image = r.one('image', readImage)
    const network = r.has('network') && block('network', '')
    const levels = readLevels(r, blockOf, report)
    const temporal = new Set(levels.map((level) => level.frames)).size > 1
    const downsample = block('downsample', temporal ? 'temporal_downsample' : 'downsample')
    const upsample = block('upsample', temporal ? 'temporal_upsample' : 'upsample_twice')
    const textLayer = block('text_layer', 'text_layer')
    const side = r.one('side', (p) => p.number({ minimum: 1, maximum: 16_384, whole: true, units: pixels }))
    const embedding = r.one('embedding', (p) => p.number({ minimum: 8, maximum: 65_536, whole: true }))
    const condition = r.one('condition', (p) => readCondition(p, report), { section: true })
    const ownCondition = r.one('own_condition', (p) => readOwnCondition(p, report), { section: true })
    const settings = {
      groups: r.one('groups', (p) => p.number({ minimum: 1, maximum: 65_536, whole: true })),
      dropout: r.one('dropout', (p) => p.number({ minimum: 0, maximum: 0.999, units: percent })),
      heads: r.one('heads', (p) => p.number({ minimum: 1, maximum: 1024, whole: true })),
      feedForward: r.one('feed_forward', (p) => p.yesNo()),
      positions: r.one('positions', (p) => p.word(['rotary', 'none'])),
      normalize: r.one('normalize', (p) => p.yesNo()),
      interpolation: r.one('interpolation_embedding', (p) => p.yesNo()),
    }
    const middle = r.one('middle', (p) => readMiddle(p, report), { section: true })
    const micros = r.many('micro', readMicro)
    const innerSettings = r.one('inner', (p) => readInner(p, report), { section: true })
    const diffusionSection = r.one('diffusion', (p) => ({ section: p.property.section, span: p.span }), {
      section: true,
    })
    const parts = inner ? partsOf(inner).length + 1 : 1
    const diffusion = readDiffusion(
      diffusionSection?.section,
      diffusionSection?.span ?? syntax.name.span,
      inner?.diffusion,
      parts,
      report,
    )
    r.finish()

    const first = levels[0]
    if (network && first)
      report(say.networkWithLevels(), network.span, { because: [{ span: first.span, text: 'a level' }] })
    if (!network && !first && !r.has('level') && !r.has('network'))
      report(say.noNetwork({ name: syntax.name.text }), syntax.name.span)
    if (network && !side) r.missing('side', 'side 32')
    if (side && first && !network) report(say.onlyWith({ key: 'side', needed: '`network`' }), side.span)
    if (!downsample || !upsample || !textLayer || nested === 'wrong') return undefined
    if (!network && !first) return undefined

    const model: Model = {
      name: syntax.name.text,
      span: syntax.name.span,
      imageChannels: image?.value ?? inner?.imageChannels ?? 3,
      side: first?.side ?? side?.value ?? 0,
      frames: first?.frames ?? 1,
      levels,
      downsample,
      upsample,
      network,
      textLayer,
      embedding: embedding?.value ?? inner?.embedding ?? (first ? 4 * first.channels : 256),
      interpolationEmbedding: settings.interpolation?.value ?? false,
      groups: settings.groups?.value ?? 32,
      dropout: settings.dropout?.value ?? 0,
      heads: settings.heads?.value ?? 8,
      feedForward: settings.feedForward?.value ?? true,
      positions: settings.positions?.value ?? 'none',
      normalize: settings.normalize?.value,
      middle: middle?.attention,
      condition: inner ? innermost(inner).condition : condition,
      ownCondition,
      micros: micros.map(({ value }) => value),
      inner: inner && resolveInner(inner, innerSettings),
      diffusion,
      training: undefined,
      sampling: {
        method: 'ddpm',
        steps: 250,
        guidance: 1,
        eta: 0,
        threshold: { kind: 'fixed' },
        spacing: 'even',
        until: undefined,
        seed: undefined,
      },
    }
    checkNest(model, r, settings, report)
    return this.#withSettings(model, file)
  }

  /** Adds what the `train` and `sample` sections of the model's file say. */
  #withSettings(model: Model, file: LoadedFile): Model {
    const of = (kind: 'train' | 'sample') => {
      const [first, ...more] = file.syntax.settings.filter(
        (settings) => settings.kind === kind && settings.name.text === model.name,
      )
      for (const again of more)
        this.report(say.repeatedSettings({ kind, name: model.name }), again.name.span, {
          because: first ? [{ span: first.name.span, text: 'first here' }] : [],
        })
      return first
    }
    const whole = (settings: ast.SettingsSyntax | undefined) => (settings?.damaged ? undefined : settings)
    const [train, sample] = [whole(of('train')), whole(of('sample'))]
    return {
      ...model,
      training: train && readTraining(train, model, this.report),
      sampling: readSampling(sample, model, this.report),
    }
  }
}

function resolveInner(model: Model, settings: Omit<Inner, 'model'> | undefined): Inner {
  return {
    model,
    features: settings?.features ?? true,
    frozen: settings?.frozen ?? false,
    pretrained: settings?.pretrained,
  }
}

function readImage(p: PropertyReader) {
  const first = p.rest[0]
  if (first?.kind === 'numbers') return p.number({ minimum: 1, maximum: 1024, whole: true })
  const word = p.word(['rgb', 'gray'])
  return word && { value: word.value === 'rgb' ? 3 : 1, span: word.span }
}

function readMiddle(p: PropertyReader, report: Report) {
  const r = new SectionReader('the middle', p.property.section, report, p.span)
  const attention = r.one('attention', (q) => q.number({ minimum: 0, maximum: 64, whole: true }))?.value ?? 1
  r.finish()
  return { attention }
}

function readInner(p: PropertyReader, report: Report): Omit<Inner, 'model'> {
  const r = new SectionReader('inner', p.property.section, report, p.span)
  const result = {
    features: r.one('features', (q) => q.yesNo())?.value ?? true,
    frozen: r.one('frozen', (q) => q.yesNo())?.value ?? false,
    pretrained: r.one('pretrained', (q) => q.text())?.value,
  }
  r.finish()
  return result
}
