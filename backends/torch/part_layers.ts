/** The constructor of a model of the nest: its layers, in the published order. */
import type { Level, Model } from '../../compiler/check/model.js'
import { InternalError } from '../../compiler/diagnostics/internal.js'
import type { LevelPlan } from './levels.js'
import { bracketed, listed } from './python.js'
import type { Registry } from './registry.js'
import type { Trace } from './trace.js'

export class PartLayers {
  constructor(
    private readonly model: Model,
    private readonly trace: Trace,
    private readonly registry: Registry,
    private readonly plan: LevelPlan,
    private readonly classNames: ReadonlyMap<Model, string>,
    /** Names of functions that the statements use, which are added. */
    private readonly uses: Set<string>,
  ) {}

  /** Statements that make the part's layers, in the published order. */
  statements(part: Model, prefix: string): string[] {
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
      const nested = normalizesNested(inside, this.model) ? 'nested=True' : ''
      lines.push(`self.inner_unet = ${this.classNames.get(inside) ?? ''}(${nested})`)
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
    if (run === undefined) throw new InternalError(`no block at ${path}`)
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
}

/** Whether a part divides its image by its deviation only where another nests it, not where it is trained by itself. */
export function normalizesNested(part: Model, whole: Model): boolean {
  return part.inner !== undefined && part !== whole && part.normalize === undefined
}

/** `[A(1), A(1)]`, or `[A(1) for _ in range(10)]`. */
function list(items: readonly string[]): string {
  const [first] = items
  if (items.length > 2 && items.every((item) => item === first))
    return `[${first ?? ''} for _ in range(${items.length})]`
  return `[${items.join(', ')}]`
}
