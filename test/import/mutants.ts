/** Damaged configurations of the reference implementation, the same for the same seed. */
import { readdirSync, readFileSync } from 'node:fs'
import { dice, mutated } from '../weights/mutate.js'

const reference = 'test/fixtures/reference'
const recorded = 'test/fixtures/conformance'

/** Configurations as they are written, and networks as cases record them. */
function readOriginals(): string[] {
  const cases = readdirSync(recorded).filter((name) => /^(unet|nested|video)/.test(name))
  return [
    ...readdirSync(reference).map((name) => readFileSync(`${reference}/${name}`, 'utf8')),
    ...[...cases, 'full/S64T16S256'].map((name) => {
      const file = JSON.parse(readFileSync(`${recorded}/${name}/case.json`, 'utf8')) as Record<string, unknown>
      return JSON.stringify({ reference_config: file.reference_config, sizes: file.sizes }, undefined, 1)
    }),
  ]
}

const hostile = [
  ...['0', '-1', '1', '3', '1e400', '-0', '.nan', '.inf', '9007199254740993', '1_000', '010', '0x10', '2:1', '4:2:1'],
  ...['null', '~', 'true', 'no', 'None', '""', "''", '"1,2"', '[]', '{}', '[1, 2]', '[[1]]', '[0]', '{a: 1}', '"', "'"],
  ...[
    '&a',
    '*a',
    '*b',
    '<<: *a',
    '!!python/object:os.system',
    '!x',
    '|',
    '>',
    '? ',
    ': ',
    '- ',
    '---',
    '...',
    '%YAML 9',
    '#',
  ],
  ...[
    'scale:64',
    'scale:0',
    'level:1',
    'scale:1,scale:1',
    'DDPM',
    'cosine',
    'SIGMOID',
    'nested_unet',
    'google/flan-t5-xl',
  ],
  ...[
    'inner_config',
    'unet_config',
    'temporal_mode',
    'resolution_channels',
    'categorical_conditioning',
    'schedule_shifted',
  ],
  ...['\t', '\0', '\ufeff', '\u2028', '\u{1f600}', '\ud800', 'x'.repeat(5000), '['.repeat(3000), '{a: '.repeat(3000)],
]

type Mutation = (tokens: string[], roll: (limit: number) => number, originals: readonly string[]) => string[]

const split = (text: string) => text.match(/[\w.+-]+|\s+|./gsu) ?? []

/** Damage after which most files are still YAML. */
const gentle: readonly Mutation[] = [
  // A number becomes another one.
  (tokens, roll) => {
    const numbers = tokens.flatMap((token, i) => (/^-?\d+$/.test(token) ? [i] : []))
    const at = numbers[roll(numbers.length)]
    return at === undefined ? tokens : tokens.with(at, String([0, 1, 2, 7, 8, 32, 64, -1, 1000, 65_537][roll(10)]))
  },
  // A flag turns round.
  (tokens, roll) => {
    const flags = tokens.flatMap((token, i) => (/^(true|false)$/i.test(token) ? [i] : []))
    const at = flags[roll(flags.length)]
    return at === undefined ? tokens : tokens.with(at, /true/i.test(tokens[at] ?? '') ? 'false' : 'true')
  },
]

const rough: readonly Mutation[] = [
  (tokens, roll) => tokens.with(roll(tokens.length), hostile[roll(hostile.length)] ?? ''),
  (tokens, roll) => tokens.toSpliced(roll(tokens.length), 0, hostile[roll(hostile.length)] ?? ''),
  (tokens, roll) => tokens.toSpliced(roll(tokens.length), 1 + roll(4)),
  (tokens, roll) => tokens.toSpliced(roll(tokens.length), 0, ...tokens.slice(roll(tokens.length)).slice(0, roll(40))),
  (tokens, roll) => {
    const [a, b] = [roll(tokens.length), roll(tokens.length)]
    return tokens.with(a, tokens[b] ?? '').with(b, tokens[a] ?? '')
  },
  // A piece of another file.
  (tokens, roll, originals) => {
    const other = split(originals[roll(originals.length)] ?? '')
    return tokens.toSpliced(roll(tokens.length), roll(20), ...other.slice(roll(other.length)).slice(0, roll(60)))
  },
  (tokens, roll) => tokens.slice(0, roll(tokens.length)),
]

/** A generator of damaged configurations by number: most keep their tokens, some are damaged byte by byte. */
export function yamlMutants(seed: number): (index: number) => Uint8Array {
  const originals = readOriginals()
  return (index) => {
    const roll = dice(seed * 1_000_003 + index)
    const original = originals[roll(originals.length)] ?? ''
    if (roll(4) === 0) return mutated(Buffer.from(original), seed * 1_000_003 + index)
    let tokens: string[] = split(original)
    const mutations = roll(2) === 0 ? gentle : rough
    for (let i = roll(4); i >= 0 && tokens.length > 0; i--)
      tokens = mutations[roll(mutations.length)]?.(tokens, roll, originals) ?? tokens
    return Buffer.from(tokens.join(''))
  }
}
