/** Damaged weight files, the same for the same seed: bytes, headers and pickles are hit. */
import { readFileSync } from 'node:fs'
import { checkpointOf, safetensorsOf, tensorPickle, text } from './archives.js'
import { dice, mutated } from './mutate.js'

type Roll = (limit: number) => number

const numbers = [0, 1, 2, 3, 5, 24, -1, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, 0.5]
const values: readonly unknown[] = [
  ...numbers,
  null,
  true,
  '',
  'F32',
  'BF16',
  'I64',
  'F8',
  '__metadata__',
  [],
  {},
  [1, [2]],
]

/** A header with one of its values, keys or lists changed, somewhere. */
function changed(value: unknown, roll: Roll): unknown {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0 || roll(6) === 0)
    return values[roll(values.length)]
  if (Array.isArray(value)) {
    const at = roll(value.length)
    return roll(4) === 0
      ? value.toSpliced(at, roll(2), values[roll(values.length)])
      : value.with(at, changed(value[at], roll))
  }
  const entries = Object.entries(value)
  const [key = 'x', child] = entries[roll(entries.length)] ?? []
  const rest = entries.filter(([other]) => other !== key)
  const name = roll(8) === 0 ? String(values[roll(values.length)]) : key
  return Object.fromEntries(roll(8) === 0 ? rest : [...rest, [name, changed(child, roll)]])
}

const header = {
  __metadata__: { format: 'pt' },
  'a.weight': { dtype: 'F32', shape: [3, 4], data_offsets: [0, 48] },
  b: { dtype: 'BF16', shape: [5], data_offsets: [48, 58] },
  c: { dtype: 'I64', shape: [], data_offsets: [58, 66] },
}
const data = Uint8Array.from({ length: 66 }, (_, i) => i)

function safetensors(seed: number): Uint8Array {
  const roll = dice(seed)
  if (roll(3) === 0) return mutated(safetensorsOf(header, data), seed)
  let damaged: unknown = header
  for (let i = roll(3); i >= 0; i--) damaged = changed(damaged, roll)
  const written = JSON.stringify(damaged)
  const nested = roll(20) === 0 ? written.replace('{', `{"deep":${'['.repeat(roll(100_000))}`) : written
  return safetensorsOf(nested, data.subarray(0, roll(8) === 0 ? roll(66) : 66))
}

/** Programs of PyTorch's pickles: tensors with a view, settings of a class, numpy's numbers. */
const tensor = tensorPickle({ shape: [2, 3], strides: [1, 2], length: 6 })
const settings = `cargparse\nNamespace\n)\x81}${text('lr')}K\x01sb`
const pickles = [
  `\x80\x02}${text('w')}${tensor}s.`,
  `\x80\x02}${text('state_dict')}}${text('w')}${tensor}ss${text('args')}${settings}s.`,
  `\x80\x02ccollections\nOrderedDict\n)R(${text('a')}${tensor}${text('b')}${tensor}u.`,
]
/** The opcodes, of which many take what follows as an argument. */
const opcodes =
  '()]}.0123GIJKLMNRSTUVXacbdeghijlopqrstu\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95'
/** What a pickle might hold that hurts: other classes, lengths without bounds, deep stacks. */
const fragments = [
  tensor,
  settings,
  'cos\nsystem\n',
  'c__builtin__\neval\n',
  'X\xff\xff\xff\x7f',
  '\x8b\xff\xff\xff\x7f',
  'r\xff\xff\xff\xff',
  'h\x00',
  '2'.repeat(1000),
  '(' + 't'.repeat(50),
  ']'.repeat(2000) + 'a'.repeat(1999),
  '\x8e\xff\xff\xff\xff\xff\xff\xff\xff',
]

function pickle(roll: Roll): string {
  let program = pickles[roll(pickles.length)] ?? ''
  for (let i = roll(4); i >= 0; i--) {
    const at = roll(program.length)
    const inserted = roll(3) === 0 ? fragments[roll(fragments.length)] : opcodes[roll(opcodes.length)]
    program = program.slice(0, at) + (roll(5) === 0 ? '' : (inserted ?? '')) + program.slice(at + roll(3))
  }
  return program
}

const recorded = ['test/fixtures/views.pth', 'test/fixtures/vis_model.pth']

function pth(seed: number, originals: readonly Uint8Array[]): Uint8Array {
  const roll = dice(seed)
  const kind = roll(16)
  if (kind < 3) return mutated(originals[kind === 0 ? 1 : 0] ?? new Uint8Array(), seed)
  const storage = {
    name: 'archive/data/0',
    data: new Uint8Array(roll(8) === 0 ? roll(64) : 24),
    deflate: roll(2) === 0,
  }
  const archive = checkpointOf(pickle(roll), [storage])
  return kind < 6 ? mutated(archive, seed) : archive
}

/** Generators of damaged weight files by number. */
export function weightMutants(seed: number): Readonly<Record<'safetensors' | 'pth', (index: number) => Uint8Array>> {
  const originals = recorded.map((path) => readFileSync(path))
  const own = (index: number) => seed * 1_000_003 + index
  return { safetensors: (index) => safetensors(own(index)), pth: (index) => pth(own(index), originals) }
}
