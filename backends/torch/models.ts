/** model.py: a class for each model of the nest. */
import { microDefaults } from '../../compiler/build/denoiser.js'
import type { Model } from '../../compiler/check/model.js'
import { partsOf } from '../../compiler/check/model.js'
import type { LevelPlan } from './levels.js'
import { denoiseSignature, partClass } from './part_class.js'
import { normalizesNested, PartLayers } from './part_layers.js'
import { docstring, indented, listed } from './python.js'
import type { Registry } from './registry.js'
import type { BlockRun, Trace } from './trace.js'

export class ModelWriter {
  /** Names of functions of support.ts that the classes use. */
  readonly uses = new Set<string>()
  readonly #micros: ReadonlyMap<string, number>

  constructor(
    private readonly model: Model,
    private readonly trace: Trace,
    private readonly registry: Registry,
    private readonly plan: LevelPlan,
    private readonly classNames: ReadonlyMap<Model, string>,
  ) {
    this.#micros = microDefaults(model)
    this.uses.add('sinusoids')
  }

  /** The classes, innermost first. */
  classes(): string[][] {
    const parts = partsOf(this.model).reverse()
    return [
      ...(this.model.condition ? [this.#conditionClass()] : []),
      partClass(this.model, this.plan, this.#micros),
      ...parts.map((part) => this.#part(part)),
    ]
  }

  #conditionClass(): string[] {
    return [
      'class Condition(NamedTuple):',
      ...indented([
        ...docstring('A condition as the network uses it: worked out once, of use for every step of sampling.'),
        '',
        'embedding: Tensor',
        '"""Joins the time embedding of every part. [batch, embedding]"""',
        ...(this.#tokens ? ['tokens: Tensor', '"""For attention. [batch, tokens, features]"""'] : []),
        ...(this.#mask ? ['mask: Tensor', '"""1 for a real token. [batch, tokens]"""'] : []),
      ]),
    ]
  }

  /** Whether blocks are given the condition's tokens, and their mask. */
  get #tokens(): boolean {
    return this.plan.context.includes('condition') || this.#networkTakes('condition')
  }

  get #mask(): boolean {
    return this.plan.context.includes('mask') || this.#networkTakes('mask')
  }

  #networkTakes(name: string): boolean {
    const [run] = this.trace.uses.get('') ?? []
    return run !== undefined && this.registry.entryOf(run).arguments.includes(name)
  }

  #part(part: Model): string[] {
    const prefix = 'inner_unet.'.repeat(partsOf(this.model).indexOf(part))
    const layers = new PartLayers(this.model, this.trace, this.registry, this.plan, this.classNames, this.uses)
    const name = this.classNames.get(part) ?? part.name
    const network = part.network && this.trace.uses.get('')?.[0]
    const entry = network && this.registry.entryOf(network)
    const made = entry?.host?.construction().flatMap((line) => line.split('\n')) ?? []
    return [
      `class ${name}(Part):`,
      ...indented([
        ...docstring(this.#about(part)),
        '',
        ...(part.micros.length > 0
          ? [
              `micro_defaults: ClassVar[Mapping[str, float]] = {${part.micros.map((micro) => `"${micro.key}": ${micro.default.toFixed(1)}`).join(', ')}}`,
              '',
            ]
          : []),
        ...listed(
          'def __init__(',
          [
            'self',
            ...(normalizesNested(part, this.model) ? ['nested: bool = False'] : []),
            ...(entry?.host ? this.#networkParameters(entry.host.signature, network) : []),
          ],
          ') -> None:',
          1,
        ),
        ...indented([
          'super().__init__()',
          ...(normalizesNested(part, this.model) ? ['self.nested = nested'] : []),
          ...layers.statements(part, prefix),
          ...made,
        ]),
        '',
        ...(this.model.condition ? [...this.#encode(part, prefix), ''] : []),
        ...this.#denoise(part),
        ...(entry ? ['', ...this.registry.method(entry.body, 'network', entry.arguments, undefined)] : []),
        ...(entry?.host?.methods.flatMap((method) => ['', ...method]) ?? []),
      ]),
    ]
  }

  /** The only instance of a network gives its constructor's parameters their values. */
  #networkParameters(signature: readonly string[], run: BlockRun | undefined): string[] {
    const host = run && this.registry.entryOf(run).host
    return signature.map((text, i) => {
      const parameter = host?.usedParameters[i]
      const value = parameter?.values[0]
      return text.includes(' = ') || value === undefined ? text : `${text} = ${parameter?.show(value) ?? ''}`
    })
  }

  #about(part: Model): string {
    const sizes = (one: Model) => (one.frames > 1 ? `${one.frames} frames of ${one.side} pixels` : `${one.side} pixels`)
    const inner = part.inner ? `, around ${this.classNames.get(part.inner.model) ?? ''}` : ''
    const images = partsOf(part)
      .map(
        ({ imageChannels, frames, side }) =>
          `[batch, ${imageChannels}, ${frames > 1 ? `${frames}, ` : ''}${side}, ${side}]`,
      )
      .join(', ')
    const several = partsOf(part).length > 1 ? '; all but the last may hold only the first rows of the batch' : ''
    return `${sizes(part)}${inner}.\n\nimages: ${images}${several}.`
  }

  /** From a condition's inputs to what the network uses; the innermost part has the layers. */
  #encode(part: Model, prefix: string): string[] {
    const { condition } = this.model
    if (!condition) return []
    const given = condition.kind === 'text' ? ['text', 'text_mask'] : ['label']
    const head = listed('def condition(', ['self', ...given.map((name) => `${name}: Tensor`)], ') -> Condition:', 1)
    if (part.inner) return [...head, ...indented([`return self.inner_unet.condition(${given.join(', ')})`])]
    const result = (embedding: string) =>
      `return Condition(${[embedding, ...(this.#tokens ? ['tokens'] : []), ...(this.#mask ? ['text_mask'] : [])].join(', ')})`
    if (condition.kind === 'label') {
      return [
        ...head,
        ...indented([
          '"""A label as a one-hot token; nothing where it is none of the classes."""',
          `token = (label[:, None] == torch.arange(${condition.classes}, device=label.device)).float()`,
          ...(this.#tokens ? ['tokens = token[:, None]'] : []),
          result('self.cond_emb(token)'),
        ]),
      ]
    }
    const [layer] = this.trace.uses.get(`${prefix}lm_head.0`) ?? []
    const takes = layer ? this.registry.entryOf(layer).arguments : []
    const layerArguments = takes.map((name) => (name === 'x' ? 'tokens' : 'text_mask')).join(', ')
    const plain = !condition.masked && condition.layers > 0
    if (!plain) this.uses.add('real_tokens')
    return [
      ...head,
      ...indented([
        `"""Text as the network uses it. text: [batch, tokens, ${condition.width}], text_mask: [batch, tokens]."""`,
        `tokens = ${condition.project === undefined ? 'text' : 'self.lm_proj(text)'}`,
        ...(condition.layers > 0 ? ['for layer in self.lm_head:', `    tokens = layer(${layerArguments})`] : []),
        `pooled = ${plain ? 'tokens.mean(dim=1)' : 'mean_of_real(tokens, text_mask)'}`,
        result('self.cond_emb(pooled)'),
      ]),
    ]
  }

  /** The part with all that is nested in it. */
  #denoise(part: Model): string[] {
    const { condition } = this.model
    const micros = this.#micros.size > 0
    const { inner } = part
    const isInner = part !== this.model
    const isHanded = isInner && partsOf(this.model).some((outer) => outer.inner?.model === part && outer.inner.features)
    const last = part.levels.at(-1)
    const frames = last?.frames ?? 1
    const signature = denoiseSignature(this.model, this.#micros)
    const rows = inner ? '[:rows]' : ''
    const context = this.plan.context.map((name) => {
      if (name === 'emb') return 'emb'
      return name === 'condition' ? `condition.tokens${rows}` : `condition.mask${rows}`
    })
    const also = context.map((text) => `, ${text}`).join('')
    const embed = `self.embed(times${micros ? ', micros' : ''})${condition ? ' + condition.embedding' : ''}`
    const emb = inner && condition ? `(${embed})[:rows]` : `${embed}${rows}`
    const lines: string[] = []
    if (part.network) {
      const [run] = this.trace.uses.get('') ?? []
      const takes = run ? this.registry.entryOf(run).arguments : []
      const names: Readonly<Record<string, string>> = {
        x: 'images[0]',
        emb: 'emb',
        condition: 'condition.tokens',
        mask: 'condition.mask',
      }
      if (takes.includes('emb')) lines.push(`emb = ${emb}`)
      lines.push(
        `prediction = self.network(${takes.map((name) => names[name] ?? name).join(', ')})`,
        'return [prediction], prediction',
      )
      return [...listed('def denoise(', signature, ') -> tuple[list[Tensor], Tensor]:', 1), ...indented(lines)]
    }
    if (inner) lines.push('rows = images[0].shape[0]  # in a mixed batch, the first ones of all')
    if (this.plan.context.includes('emb')) lines.push(`emb = ${emb}`)
    let image = 'images[0]'
    if (part.frames > 1) {
      this.uses.add('frames')
      image = `frames_into_batch(${image})`
    }
    if (inner && (part.normalize ?? part !== this.model)) {
      const divided = 'image / image.std(dim=(1, 2, 3), keepdim=True)'
      lines.push(`image = ${image}`)
      if (normalizesNested(part, this.model)) lines.push('if self.nested:', `    image = ${divided}`)
      image = normalizesNested(part, this.model) ? 'image' : divided
    }
    lines.push(`x = self.conv_in(${image})`)
    if (isHanded) lines.push('if handed is not None:', '    x = x + handed')
    lines.push(`kept = self.descend(x${also})`, 'x = kept[-1]')
    if (inner && last) lines.push(...this.#nested(part, frames))
    else if (part.middle !== undefined) lines.push('for level in self.mid_blocks:', `    x = level(x${also})`)
    lines.push(`x = self.ascend(x, kept${also})`)
    const prediction = part.frames > 1 ? `frames_out_of_batch(self.predict(x), ${part.frames})` : 'self.predict(x)'
    lines.push(`return [${prediction}${inner ? ', *predictions' : ''}], x`)
    return [...listed('def denoise(', signature, ') -> tuple[list[Tensor], Tensor]:', 1), ...indented(lines)]
  }

  #nested({ inner }: Model, frames: number): string[] {
    if (!inner) return []
    const adapt = (name: string, value: string) => {
      if (frames === 1) return `self.${name}(${value})`
      this.uses.add('grid')
      return `off_grid(self.${name}(onto_grid(${value}, ${frames})), ${frames})`
    }
    const given = [
      'images[1:]',
      'times',
      ...(this.model.condition ? ['condition'] : []),
      ...(this.#micros.size > 0 ? ['micros'] : []),
      ...(inner.features ? ['inward'] : []),
    ]
    const all = frames === 1 ? 'images[1].shape[0]' : `${frames} * images[1].shape[0]`
    return [
      ...(inner.features
        ? [
            `inward = ${adapt('in_adapter', 'x')}`,
            'if images[1].shape[0] != rows:',
            `    inward = F.pad(inward, (0, 0, 0, 0, 0, 0, 0, ${all} - x.shape[0]))`,
          ]
        : []),
      `predictions, features = self.inner_unet.denoise(${given.join(', ')})`,
      `x = x + ${adapt('out_adapter', `features[: x.shape[0]]`)}`,
    ]
  }
}
