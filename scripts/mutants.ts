/** Damaged versions of real files, the same for the same seed and number. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import type { SourceHost } from '../compiler/check/load.js'

export interface Mutant {
  /** The file to check. */
  readonly path: string
  readonly host: SourceHost
  /** The file that was damaged, and what became of it. */
  readonly damaged: string
  readonly text: string
}

/** All files of mdmc by path; the standard blocks are `std/blocks.mdm` for a host. */
function readSources(): ReadonlyMap<string, string> {
  const files = ['models', 'examples'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.mdm'))
      .map((name) => join(folder, name)),
  )
  return new Map(files.sort().map((file) => [file.replace('models/std/', 'std/'), readFileSync(file, 'utf8')]))
}

/** Numbers from 0 to 1, by mulberry32. */
function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296
  }
}

class Chance {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = random(seed)
  }

  below(count: number): number {
    return Math.floor(this.#next() * count)
  }

  of<T>(list: readonly T[], otherwise: T): T {
    return list[this.below(list.length)] ?? otherwise
  }
}

const vocabulary = [
  ...[
    'model',
    'nests',
    'block',
    'train',
    'sample',
    'import',
    'from',
    'return',
    'order',
    'for',
    'in',
    'if',
    'then',
    'else',
  ],
  ...[
    'and',
    'or',
    'not',
    'yes',
    'no',
    'none',
    '{',
    '}',
    '(',
    ')',
    '[',
    ']',
    ',',
    ':',
    '.',
    '..',
    '|',
    '==',
    '<',
    '=',
    '-',
  ],
  ...[
    '+',
    '*',
    '/',
    '%',
    'x',
    'h',
    'level',
    'channels',
    'blocks',
    'attention',
    'use',
    'condition',
    'diffusion',
    'frames',
  ],
  ...[
    'conv',
    'linear',
    'reshape',
    'chunk',
    'attend',
    'network',
    'residual',
    '"text"',
    '"',
    '//',
    '\n',
    '"std/blocks.mdm"',
  ],
]
const numbers = [
  '0',
  '1',
  '2',
  '3',
  '7',
  '16',
  '32',
  '33',
  '100',
  '1024',
  '65536',
  '999999999',
  '1e308',
  '1e999',
  '0.5',
  '1e-9',
  '30k',
  '5px',
  '-1',
]
const noise = ['\u0000', '\u{1F600}', '\u202E', 'é', '\r', '\t', '\uFFFD', '@', '$', "'", ';', '#', '\\']
const nests = ['(', '[', '{', 'if x then ', '- ', 'not ', 'a { ', 'h = (', 'x | silu | ', 'x + ', 'f(', '[[']

type Change = (text: string, chance: Chance, others: readonly string[]) => string

/** Replaces the range from `start` to `end`. */
function splice(text: string, start: number, end: number, replacement: string): string {
  return text.slice(0, start) + replacement + text.slice(Math.max(start, end))
}

function tokenRange(text: string, chance: Chance): [number, number] {
  const all = [...text.matchAll(/[A-Za-z_]\w*|\d+(\.\d+)?\w*|"[^"\n]*"|\S/g)]
  const match = all[chance.below(all.length)]
  return match ? [match.index, match.index + match[0].length] : [0, 0]
}

function numberRange(text: string, chance: Chance): [number, number] {
  const all = [...text.matchAll(/\d+(\.\d+)?(e-?\d+)?/g)]
  const match = all[chance.below(all.length)]
  return match ? [match.index, match.index + match[0].length] : [0, 0]
}

const changes: readonly Change[] = [
  (text, chance) => text.slice(0, chance.below(text.length)),
  (text, chance) => {
    const start = chance.below(text.length)
    return splice(text, start, start + 1 + chance.below(20), '')
  },
  (text, chance) => splice(text, ...tokenRange(text, chance), ''),
  (text, chance) => splice(text, ...tokenRange(text, chance), chance.of(vocabulary, 'x')),
  (text, chance) => {
    const [, end] = tokenRange(text, chance)
    return splice(text, end, end, ` ${chance.of(vocabulary, 'x')} `)
  },
  (text, chance) => {
    const [[a, b], [c, d]] = [tokenRange(text, chance), tokenRange(text, chance)]
    if (b > c) return text
    return text.slice(0, a) + text.slice(c, d) + text.slice(b, c) + text.slice(a, b) + text.slice(d)
  },
  (text, chance) => splice(text, ...numberRange(text, chance), chance.of(numbers, '1')),
  (text, chance) => splice(text, ...numberRange(text, chance), chance.of(numbers, '1')),
  (text, chance) => {
    const at = chance.below(text.length)
    return splice(text, at, at + chance.below(2), chance.of(noise, '@'))
  },
  (text, chance) => {
    const [, end] = tokenRange(text, chance)
    return splice(
      text,
      end,
      end,
      ` ${chance.of(nests, '(').repeat(1 + chance.below(chance.below(4) === 0 ? 5000 : 120))} `,
    )
  },
  (text, chance) => {
    const lines = text.split('\n')
    const line = lines[chance.below(lines.length)] ?? ''
    lines.splice(chance.below(lines.length), chance.below(2), line)
    return lines.join('\n')
  },
  (text, chance, others) => {
    const other = chance.of(others, '').split('\n')
    const lines = text.split('\n')
    lines.splice(chance.below(lines.length), chance.below(2), other[chance.below(other.length)] ?? '')
    return lines.join('\n')
  },
]

/** Makes mutants by number. Small files come more often, because a large network takes long to build. */
export function mutants(seed: number): (index: number) => Mutant {
  const sources = readSources()
  const texts = [...sources.values()]
  const isLarge = (file: string) => file.startsWith('models/')
  const small = [...sources.keys()].filter((file) => !isLarge(file))
  const large = [...sources.keys()].filter(isLarge)
  return (index) => {
    const chance = new Chance(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b))
    const damaged = chance.of(chance.below(25) === 0 ? large : small, 'std/blocks.mdm')
    let text = sources.get(damaged) ?? ''
    const count = 1 + chance.below(3)
    for (let i = 0; i < count; i++) text = chance.of(changes, (same) => same)(text, chance, texts)
    // Damaged standard blocks are tried in a model as well.
    const path = damaged === 'std/blocks.mdm' && chance.below(2) === 0 ? 'examples/tiny.mdm' : damaged
    const host: SourceHost = {
      read: (file) => (file === damaged ? text : sources.get(file)),
      resolve: (from, to) => (to.startsWith('std/') ? to : posix.join(posix.dirname(from), to)),
    }
    return { path, host, damaged, text }
  }
}
