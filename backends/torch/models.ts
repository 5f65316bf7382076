/** model.py: a class for each model of the nest. */
import { microDefaults } from '../../compiler/build/denoiser.js'
import type { Level, Model } from '../../compiler/check/model.js'
import { partsOf } from '../../compiler/check/model.js'
import type { LevelPlan } from './levels.js'
import { bracketed, docstring, indented, listed } from './python.js'
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
  }

  /** The classes, innermost first. */
  classes(): string[][] {
    const parts = partsOf(this.model).reverse()
    return [
      ...(this.model.condition ? [this.#conditionClass()] : []),
      this.#base(),
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

  /** What the parts have in common. */
  #base(): string[] {
    const { context } = this.plan
    const also = context.map((name) => `, ${name}`).join('')
    const typed = context.map((name) => `${name}: Tensor`)
    const hasLevels = this.model.network === undefined
    const micros = this.#micros.size > 0
    this.uses.add('sinusoids')
    return [
      'class Part(nn.Module):',
      ...indented([
        ...docstring(hasLevels ? 'A UNet: what the models of a nest have in common.' : 'The embedding of time.'),
        '',
        'temb_layer1: nn.Linear',
        'temb_layer2: nn.Linear',
        ...(micros ? ['cond_layers: nn.ModuleDict', 'micro_defaults: ClassVar[Mapping[str, float]] = {}'] : []),
        ...(hasLevels
          ? ['down_blocks: nn.ModuleList', 'up_blocks: nn.ModuleList', 'norm_out: nn.GroupNorm', 'conv_out: nn.Conv2d']
          : []),
        '',
        ...this.#forward(),
        '',
        `def embed(self, times: Tensor${micros ? ', micros: Mapping[str, Tensor]' : ''}) -> Tensor:`,
        ...indented([
          `"""Time${micros ? ' and micro-conditions' : ''} as one vector. times: [batch]. Result: [batch, embedding]."""`,
          'width = self.temb_layer1.in_features',
          'emb = self.temb_layer2(F.silu(self.temb_layer1(sinusoids(times, width))))',
          ...(micros
            ? [
                'for key, default in self.micro_defaults.items():',
                '    value = micros[key].float()',
                '    value = (value / default).clamp(max=1) * default if key == "scale" else 1000 * value',
                '    first, second = self.cond_layers[key].children()',
                '    emb = emb + second(F.silu(first(sinusoids(value, width))))',
              ]
            : []),
          'return emb',
        ]),
        ...(hasLevels
          ? [
              '',
              ...listed('def descend(', ['self', 'x: Tensor', ...typed], ') -> list[Tensor]:', 1),
              ...indented([
                '"""Every map that the way up meets again; the last one is what the way down ends with."""',
                'kept = [x]',
                'for level in self.down_blocks:',
                `    kept = kept + level(kept[-1]${also})`,
                'return kept',
              ]),
              '',
              ...listed('def ascend(', ['self', 'x: Tensor', 'kept: list[Tensor]', ...typed], ') -> Tensor:', 1),
              ...indented([
                '"""From the bottom up; each level meets what the way down kept, last kept first."""',
                'for level in self.up_blocks:',
                '    assert isinstance(level, UpLevel)',
                '    count = len(level.resnets)',
                `    x = level(x, kept[-count:]${also})`,
                '    kept = kept[:-count]',
                'return x',
              ]),
              '',
              'def predict(self, x: Tensor) -> Tensor:',
              ...indented([
                '"""The prediction from the last features."""',
                'return self.conv_out(F.silu(self.norm_out(x)))',
              ]),
            ]
          : []),
      ]),
    ]
  }

  #part(part: Model): string[] {
    const prefix = 'inner_unet.'.repeat(partsOf(this.model).indexOf(part))
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
          ['self', ...(entry?.host ? this.#networkParameters(entry.host.signature, network) : [])],
          ') -> None:',
          1,
        ),
        ...indented(['super().__init__()', ...this.#layers(part, prefix), ...made]),
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

  /** Statements that make the part's layers, in the published order. */
  #layers(part: Model, prefix: string): string[] {
    const { embedding } = part
    const linear = (a: number, b: number, bias = true) => `nn.Linear(${a}, ${b}${bias ? '' : ', bias=False'})`
    const conv = (a: number, b: number) => `nn.Conv2d(${a}, ${b}, 3, padding=1)`
    const zeroed = (layer: string) => {
      this.uses.add('zeroed')
      return `zeroed(${layer})`
    }
    const lines = [
      `self.temb_layer1 = ${linear(embedding / 4, embedding)}`,
      `self.temb_layer2 = ${linear(embedding, embedding)}`,
    ]
    const { condition } = this.model
    const own = part.inner ? part.ownCondition : condition?.kind === 'text' ? condition : undefined
    const width = own
      ? (own.project ?? own.width)
      : !part.inner && condition?.kind === 'label'
        ? condition.classes
        : undefined
    const unread = part.inner && own ? '  # in checkpoints; nothing reads it' : ''
    if (width !== undefined) lines.push(`self.cond_emb = ${linear(width, embedding, false)}${unread}`)
    if (part.micros.length > 0)
      lines.push(
        ...bracketed(
          'self.cond_layers = nn.ModuleDict(',
          '{}',
          part.micros.map(
            ({ key }) =>
              `"${key}": nn.ModuleList([${linear(embedding / 4, embedding)}, ${zeroed(linear(embedding, embedding))}])`,
          ),
          ')',
          2,
        ),
      )
    const [first] = part.levels
    if (first) {
      lines.push(
        `self.conv_in = ${conv(part.imageChannels, first.channels)}`,
        `self.norm_out = nn.GroupNorm(${part.groups}, ${first.channels})`,
        `self.conv_out = ${zeroed(conv(first.channels, part.imageChannels))}`,
        ...this.#way(part, prefix, 'down'),
        ...(part.middle === undefined ? [] : this.#middle(part, prefix)),
        ...this.#way(part, prefix, 'up'),
      )
    }
    if (own?.project !== undefined) lines.push(`self.lm_proj = ${linear(own.width, own.project)}${unread}`)
    if (own && own.layers > 0) {
      const layers = Array.from({ length: own.layers }, (_, i) => this.#instance(`${prefix}lm_head.${i}`))
      lines.push(`self.lm_head = nn.ModuleList(${list(layers)})${unread}`)
    }
    const last = part.levels.at(-1)
    if (part.inner && last) {
      const inside = part.inner.model
      const width = inside.levels[0]?.channels ?? last.channels
      lines.push(`self.inner_unet = ${this.classNames.get(inside) ?? ''}()`)
      if (part.inner.features) lines.push(`self.in_adapter = ${zeroed(conv(last.channels, width))}`)
      lines.push(`self.out_adapter = ${zeroed(conv(width, last.channels))}`)
    }
    if (part.interpolationEmbedding)
      lines.push(
        `self.interp_layer1 = ${linear(embedding / 4, embedding)}  # in checkpoints; nothing reads it`,
        `self.interp_layer2 = ${linear(embedding, embedding)}  # in checkpoints; nothing reads it`,
      )
    return lines
  }

  /** `Residual(256, 512)`: how the block of a place is made. */
  #instance(path: string): string {
    const [run] = this.trace.uses.get(path) ?? []
    if (run === undefined) throw new Error(`no block at ${path}`)
    const entry = this.registry.entryOf(run)
    return `${entry.name}(${entry.host?.arguments(entry.runs.indexOf(run)).join(', ') ?? ''})`
  }

  #way(part: Model, prefix: string, way: 'down' | 'up'): string[] {
    const levels = way === 'down' ? part.levels : [...part.levels].reverse()
    const items = levels.map((level, i) => {
      const path = `${prefix}${way}_blocks.${i}`
      const [resize] = this.trace.uses.get(path) ?? []
      const entry = resize && this.registry.entryOf(resize)
      const plain = way === 'down' ? 'DownLevel' : 'UpLevel'
      const name = entry?.name ?? plain
      const own = entry?.host?.arguments(entry.runs.indexOf(resize ?? (undefined as never))) ?? []
      return this.#level(name, own, path, level)
    })
    return bracketed(`self.${way}_blocks = nn.ModuleList(`, '[]', items, ')', 2)
  }

  #level(name: string, own: readonly string[], path: string, level: Level): string {
    const lists = this.plan.lists.flatMap((one) => {
      const blocks: string[] = []
      for (let j = 0; this.trace.uses.has(`${path}.${one.name}.${j}`); j++)
        blocks.push(this.#instance(`${path}.${one.name}.${j}`))
      return blocks.length === 0 ? [] : [`${one.name}=${list(blocks)}`]
    })
    const positional = own.filter((text) => !text.includes('='))
    const named = own.filter((text) => text.includes('='))
    return listed(`${name}(`, [...positional, `side=${level.side}`, ...named, ...lists], ')', 4, 1).join('\n')
  }

  #middle(part: Model, prefix: string): string[] {
    const last = part.levels.at(-1)
    if (last === undefined) return []
    const items = [0, 1].map((i) => this.#level('MiddleLevel', [], `${prefix}mid_blocks.${i}`, last))
    return bracketed('self.mid_blocks = nn.ModuleList(', '[]', items, ')', 2)
  }

  /** What a user calls. */
  #forward(): string[] {
    const { condition } = this.model
    const micros = this.#micros.size > 0
    const given = condition?.kind === 'text' ? ['text', 'text_mask'] : condition ? ['label'] : []
    const defaults = [...this.#micros].map(([key, value]) => `"${key}": ${value.toFixed(1)}`).join(', ')
    const about = [
      'Predictions from noisy images, one for each resolution, highest first.',
      '',
      'images: one for each resolution. times: [batch], steps of the diffusion process counted from 0.',
      ...(condition?.kind === 'text'
        ? [`text: [batch, tokens, ${condition.width}]. text_mask: [batch, tokens], 1 for a real token.`]
        : []),
      ...(condition?.kind === 'label'
        ? [`label: [batch], from 0 to ${condition.classes - 1}; -1 stands for none.`]
        : []),
      ...(micros
        ? [`micros: ${[...this.#micros.keys()].join(', ')}, each [batch]; the defaults where they are not given.`]
        : []),
    ]
    const arguments_ = ['images', 'times', ...(condition ? ['condition'] : []), ...(micros ? ['micros'] : [])]
    const scale = this.model.diffusion.outputScale
    const limited =
      scale === 0 ? 'predictions' : `[${scale} * torch.tanh(prediction / ${scale}) for prediction in predictions]`
    const signature = [
      'self',
      'images: Sequence[Tensor]',
      'times: Tensor',
      ...given.map((name) => `${name}: Tensor`),
      ...(micros ? ['micros: Mapping[str, Tensor] | None = None'] : []),
    ]
    return [
      ...listed('def forward(', signature, ') -> list[Tensor]:', 1),
      ...indented([
        ...docstring(about.join('\n'), 2),
        ...(condition ? [`condition = self.condition(${given.join(', ')})`] : []),
        `return self.predictions(${[...arguments_].join(', ')})`,
      ]),
      '',
      ...listed(
        'def predictions(',
        [
          'self',
          'images: Sequence[Tensor]',
          'times: Tensor',
          ...(condition ? ['condition: Condition'] : []),
          ...(micros ? ['micros: Mapping[str, Tensor] | None = None'] : []),
        ],
        ') -> list[Tensor]:',
        1,
      ),
      ...indented([
        `"""As forward, ${condition ? 'with the condition worked out before' : 'for loops of sampling'}."""`,
        ...(micros
          ? [
              `defaults = {${defaults}}`,
              'filled = {key: torch.full_like(times, value, dtype=torch.float32) for key, value in defaults.items()}',
              'micros = {**filled, **(micros or {})}',
            ]
          : []),
        `predictions, _ = self.denoise(${arguments_.join(', ')})`,
        `return ${limited}`,
      ]),
      ...(condition
        ? [
            '',
            ...listed('def condition(', ['self', ...given.map((name) => `${name}: Tensor`)], ') -> Condition:', 1),
            ...indented([
              `"""${condition.kind === 'text' ? 'Text' : 'A label'} as the network uses it; the innermost model has the layers."""`,
              'raise NotImplementedError',
            ]),
          ]
        : []),
      '',
      ...listed('def denoise(', this.#denoiseSignature, ') -> tuple[list[Tensor], Tensor]:', 1),
      ...indented([
        ...docstring(
          'Predictions, highest resolution first, and the last features.\n\nhanded: features of the model around this one.',
          2,
        ),
        'raise NotImplementedError',
      ]),
    ]
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

  get #denoiseSignature(): string[] {
    return [
      'self',
      'images: Sequence[Tensor]',
      'times: Tensor',
      ...(this.model.condition ? ['condition: Condition'] : []),
      ...(this.#micros.size > 0 ? ['micros: Mapping[str, Tensor]'] : []),
      'handed: Tensor | None = None',
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
    const signature = this.#denoiseSignature
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
      lines.push(`image = ${image}`)
      image = 'image / image.std(dim=(1, 2, 3), keepdim=True)'
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

/** `[A(1), A(1)]`, or `[A(1) for _ in range(10)]`. */
function list(items: readonly string[]): string {
  const [first] = items
  if (items.length > 2 && items.every((item) => item === first))
    return `[${first ?? ''} for _ in range(${items.length})]`
  return `[${items.join(', ')}]`
}
