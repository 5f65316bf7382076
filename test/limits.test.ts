/** Files that are written right but ask for too much are refused in short time, each with a diagnostic. */
import { expect, it } from 'vitest'
import { checkFile } from '../compiler/compile.js'
import { cpuTime } from './cpu_time.js'
import { memoryHost } from './host.js'

const level = 'level 64 { channels 32  blocks 1 }'
const nest = Array.from({ length: 3000 }, (_, i) => `model M${i + 1} nests M${i} { ${level} }`)
const base = `model M0 { embedding 64  ${level} }`
const use = (block: string) => `${block}\nmodel M { level 8 { channels 32  blocks 1  use u } }`
const calls = (count: number, body: (next: string) => string, last: string) =>
  [
    ...Array.from({ length: count }, (_, i) => `block b${i}(x) { return ${body(`b${i + 1}`)} }`),
    `block b${count}(x) { return ${last} }`,
  ].join('\n')

const files: readonly (readonly [name: string, code: string, text: string])[] = [
  ['3000 nested models', 'MDM0315', [base, ...nest].join('\n')],
  ['3000 nested models, outermost first', 'MDM0315', [...nest.toReversed(), base].join('\n')],
  [
    'blocks that double the numbers to work out',
    'MDM0315',
    use(`${calls(40, (next) => `${next}(x) + ${next}(x)`, '1')}\nblock u(x) { return x * b0(1) }`),
  ],
  [
    'blocks that double the network',
    'MDM0315',
    use(`${calls(40, (next) => `${next}(x) + ${next}(x)`, 'x')}\nblock u(x) { return b0(x) }`),
  ],
  [
    '3000 blocks inside each other',
    'MDM0315',
    use(`${calls(3000, (next) => `${next}(x)`, 'x')}\nblock u(x) { return b0(x) }`),
  ],
  [
    'a billion repetitions',
    'MDM0315',
    use('block u(x) { for i in 0..1000 { for j in 0..1000 { for k in 0..1000 { } } } return x }'),
  ],
  ['a billion constants', 'MDM0315', use('block u(x) { for i in 0..1000 { y = arange(1000000) } return x }')],
  ['the largest of all levels', 'MDM0315', 'model M { level 8 { channels 65536  blocks 64  attention 64 } }'],
  ['2000 levels', 'MDM0217', `model M { ${level.repeat(2000)} }`],
  ['much that is no word', 'MDM0101', '@ x '.repeat(50_000)],
  ['many brackets', 'MDM0119', '} { ) ( '.repeat(50_000)],
]

it.each(files)('%s: %s', (_, code, text) => {
  const time = cpuTime(() => {
    const { diagnostics } = checkFile('large.mdm', memoryHost({ 'large.mdm': text }))
    expect(diagnostics.map((diagnostic) => diagnostic.code)).toContain(code)
  })
  expect(time).toBeLessThan(20_000)
})

it('blocks of the same name in two files do not make a circle', () => {
  const own = `block self_attention(x, mask = none) { return x | around: text_layer(mask) }
model M {
  condition text { width 32  layers 1 }
  text_layer self_attention
  level 8 { channels 32  blocks 1 }
}`
  expect(checkFile('own.mdm', memoryHost({ 'own.mdm': own })).diagnostics).toEqual([])
})

it('names may be spelt like keys where only a name can stand', () => {
  const text = `block blocks(x) { return x }
model level {
  micro width 512
  level 8 { channels 32  blocks 1  use blocks }
}
train level { phase level { steps 1k  batch 8 } }`
  expect(checkFile('keys.mdm', memoryHost({ 'keys.mdm': text })).diagnostics).toEqual([])
})
