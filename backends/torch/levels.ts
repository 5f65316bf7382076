/** The classes of levels: which blocks a level has, and how it calls them. */
import { torchCannotExpress, torchLayerName } from '../../compiler/diagnostics/torch.js'
import type { Model } from '../../compiler/check/model.js'
import { partsOf } from '../../compiler/check/model.js'
import { Inexpressible } from './inexpressible.js'
import { canBeAttribute, docstring, indented, listed } from './python.js'
import { type Entry, type Registry } from './registry.js'
import type { Trace } from './trace.js'
import { commentOf } from './comments.js'

/** What the network gives to blocks each time, in this order. */
const canonical = ['x', 'emb', 'condition', 'mask'] as const

/** A list of a level: blocks of one kind, so many behind each residual block. */
export interface BlockList {
  readonly name: string
  readonly arguments: readonly string[]
}

export interface LevelPlan {
  /** In the order in which they are applied; residual blocks first. */
  readonly lists: readonly BlockList[]
  /** What levels are given beside x. */
  readonly context: readonly string[]
  /** What blocks between levels are given, by the way. */
  readonly resize: { readonly down: readonly string[]; readonly up: readonly string[] }
}

/** The name of the list that a place of the checkpoint belongs to: `resnets` of `down_blocks.0.resnets.1`. */
const placeOf = /(?:^|\.)(?:down|up|mid)_blocks\.\d+\.(.+)\.\d+$/

export function planLevels(model: Model, trace: Trace, registry: Registry): LevelPlan {
  const given = new Map<string, Set<string>>()
  const resize = { down: new Set<string>(), up: new Set<string>() }
  for (const [path, runs] of trace.uses) {
    for (const run of runs) {
      const entry = registry.entryOf(run)
      const [, list] = placeOf.exec(path) ?? []
      const strange = entry.arguments.find((name) => !canonical.some((known) => known === name))
      const isText = /(?:^|\.)lm_head\.\d+$/.test(path)
      if (strange !== undefined && !isText)
        throw new Inexpressible(
          torchCannotExpress({ what: `a value for \`${strange}\` that is no number` }),
          run.at.block.name.span,
        )
      if (list !== undefined && runs.length > 1)
        throw new Inexpressible(
          torchCannotExpress({ what: `\`${list}\` twice behind one residual block` }),
          run.at.block.name.span,
        )
      const target = list === undefined ? undefined : (given.get(list) ?? new Set<string>())
      if (list !== undefined && target) given.set(list, target)
      const into = entry.role === 'down' || entry.role === 'up' ? resize[entry.role] : target
      for (const name of entry.arguments) into?.add(name)
    }
  }
  const inOrder = (names: ReadonlySet<string>) => canonical.filter((name) => names.has(name))
  const names = [
    'resnets',
    'attn',
    't_attn',
    ...partsOf(model).flatMap((part) => part.levels.flatMap(({ use }) => use.map(({ name }) => name))),
  ]
  const lists = [...new Set(names)].flatMap((name): BlockList[] => {
    const found = given.get(name)
    return found ? [{ name, arguments: inOrder(found) }] : []
  })
  for (const use of partsOf(model).flatMap((part) => part.levels.flatMap((level) => level.use)))
    if (!canBeAttribute(use.name)) throw new Inexpressible(torchLayerName({ name: use.name }), use.span)
  const all = new Set([...lists.flatMap((list) => list.arguments), ...resize.down, ...resize.up])
  return {
    lists,
    context: inOrder(all).filter((name) => name !== 'x'),
    resize: { down: inOrder(resize.down), up: inOrder(resize.up) },
  }
}

/** levels.py. */
export function levelClasses(plan: LevelPlan, registry: Registry, sources: ReadonlyMap<string, string>): string[][] {
  const { lists, context, resize } = plan
  const typed = context.map((name) => `${name}: Tensor`)
  const passed = context.join(', ')
  const also = passed === '' ? '' : `, ${passed}`
  const [first, ...more] = lists
  const args = (names: readonly string[]) => names.join(', ')
  const level = [
    'class Level(nn.Module):',
    ...indented([
      ...docstring(
        'One level on one way: residual blocks, each followed by its share of the other blocks.\n\nside: of the maps, in pixels. recompute: whether what is computed inside is not kept for the gradients, but computed a second time.',
      ),
      '',
      ...listed(
        'def __init__(',
        [
          'self',
          'side: int',
          `${first?.name ?? 'resnets'}: Sequence[nn.Module]`,
          ...more.map(({ name }) => `${name}: Sequence[nn.Module] = ()`),
        ],
        ') -> None:',
        1,
      ),
      ...indented([
        'super().__init__()',
        'self.side = side',
        'self.recompute = False',
        ...lists.map(({ name }) => `self.${name} = nn.ModuleList(${name})`),
      ]),
      '',
      ...listed('def block(', ['self', 'j: int', 'x: Tensor', ...typed], ') -> Tensor:', 1),
      ...indented([
        '"""The j-th residual block and what follows it. x: [batch, channels, side, side]."""',
        `x = self.${first?.name ?? 'resnets'}[j](${args(first?.arguments ?? ['x'])})`,
        ...more.flatMap(({ name, arguments: names }) => [
          `count = len(self.${name}) // len(self.${first?.name ?? 'resnets'})`,
          'for k in range(j * count, (j + 1) * count):',
          `    x = self.${name}[k](${args(names)})`,
        ]),
        'return x',
      ]),
    ]),
  ]
  const run = (method: string, given: string) => [
    'if self.recompute and torch.is_grad_enabled():',
    `    return checkpoint(self.${method}, ${given}, use_reentrant=False)`,
    `return self.${method}(${given})`,
  ]
  const resized = (names: readonly string[]) =>
    names.length === 0 ? ['x: Tensor'] : names.map((name) => `${name}: Tensor`)
  const resizeArguments = (way: 'down' | 'up') => (resize[way].length === 0 ? ['x'] : resize[way])
  const down = [
    'class DownLevel(Level):',
    ...indented([
      ...docstring('A level on the way down.'),
      '',
      ...listed('def forward(', ['self', 'x: Tensor', ...typed], ') -> list[Tensor]:', 1),
      ...indented([
        '"""Every map that the way up meets again; the last one is what the way down goes on with."""',
        ...run('maps', `x${also}`),
      ]),
      '',
      ...listed('def maps(', ['self', 'x: Tensor', ...typed], ') -> list[Tensor]:', 1),
      ...indented([
        'kept = []',
        'for j in range(len(self.resnets)):',
        `    x = self.block(j, x${also})`,
        '    kept.append(x)',
        `resized = self.resize(${args(resizeArguments('down'))})`,
        'return kept if resized is None else [*kept, resized]',
      ]),
      '',
      ...listed('def resize(', ['self', ...resized(resize.down)], ') -> Tensor | None:', 1),
      ...indented(['"""To the size of the next level; the last level has none."""', 'return None']),
    ]),
  ]
  const up = [
    'class UpLevel(Level):',
    ...indented([
      ...docstring('A level on the way up.'),
      '',
      ...listed('def forward(', ['self', 'x: Tensor', 'kept: list[Tensor]', ...typed], ') -> Tensor:', 1),
      ...indented([
        '"""kept: the maps of this level that the way down kept; the last one is met first."""',
        ...run('joined', `x, kept${also}`),
      ]),
      '',
      ...listed('def joined(', ['self', 'x: Tensor', 'kept: list[Tensor]', ...typed], ') -> Tensor:', 1),
      ...indented([
        'for j in range(len(self.resnets)):',
        `    x = self.block(j, torch.cat((x, kept[-1 - j]), dim=1)${also})`,
        `return self.resize(${args(resizeArguments('up'))})`,
      ]),
      '',
      ...listed('def resize(', ['self', ...resized(resize.up)], ') -> Tensor:', 1),
      ...indented(['"""To the size of the level above; the last level has none."""', 'return x']),
    ]),
  ]
  const middle = [
    'class MiddleLevel(Level):',
    ...indented([
      ...docstring('One of the two parts of the middle.'),
      '',
      ...listed('def forward(', ['self', 'x: Tensor', ...typed], ') -> Tensor:', 1),
      ...indented([`return self.block(0, x${also})`]),
    ]),
  ]
  const between = registry.entries
    .filter(({ role }) => role === 'down' || role === 'up')
    .map((entry) => resizingLevel(entry, registry, resizeArguments(entry.role === 'down' ? 'down' : 'up'), sources))
  return [level, down, up, middle, ...between]
}

/** A level that ends with a block of the language. */
function resizingLevel(
  entry: Entry,
  registry: Registry,
  given: readonly string[],
  sources: ReadonlyMap<string, string>,
): string[] {
  const { host, body, name, role } = entry
  if (host === undefined) throw new Error('a function between levels')
  const lines = host.construction().flatMap((line) => line.split('\n'))
  return [
    `class ${name}(${role === 'down' ? 'DownLevel' : 'UpLevel'}):`,
    ...indented([
      ...docstring(commentOf(body.block, sources) ?? `A level that \`${body.block.name.text}\` ends.`),
      '',
      ...(lines.length === 0
        ? []
        : [
            ...listed('def __init__(', ['self', ...host.signature, '**level: Any'], ') -> None:', 1),
            ...indented(['super().__init__(**level)', ...lines]),
            '',
          ]),
      ...registry.method(body, 'resize', given, undefined),
      ...host.methods.flatMap((method) => ['', ...method]),
    ]),
  ]
}
