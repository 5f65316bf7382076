/** The language reference: every example is as it says, every key and range of its tables as the compiler has them. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkFile } from '../compiler/compile.js'
import { renderDiagnostic } from '../compiler/diagnostics/render.js'
import { format } from '../compiler/syntax/format.js'
import { keys } from '../grammar/keys.js'
import { memoryHost } from './host.js'

const page = readFileSync('docs/language.md', 'utf8')
const names = readdirSync('models').filter((name) => name.endsWith('.mdm'))
const models = Object.fromEntries(names.map((name) => [name, readFileSync(`models/${name}`, 'utf8')]))
const check = (source: string) => checkFile('page.mdm', memoryHost({ ...models, 'page.mdm': source }))

const fences = [...page.matchAll(/^```(\S+)( error)?\n([\s\S]*?)^```$/gm)].map(([whole, kind, error, text = '']) => {
  const lines = whole.split('\n').length
  return {
    kind,
    error: error !== undefined,
    text,
    name: text.split('\n').find((line) => !line.startsWith('//')) ?? '',
    lines,
  }
})
const examples = fences.filter(({ kind }) => kind === 'mdm')

describe('examples', () => {
  it.each(examples.filter(({ error }) => !error))('$name', ({ text }) => {
    expect(check(text).diagnostics).toEqual([])
    expect(format('page.mdm', text).text).toBe(text)
  })

  it.each(fences.flatMap((fence, i) => (fence.error ? [{ ...fence, shown: fences[i + 1]?.text ?? '' }] : [])))(
    'mistake: $name',
    ({ text, shown }) => {
      const { diagnostics, sources } = check(text)
      expect(`${diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, sources)).join('\n\n')}\n`).toBe(shown)
    },
  )
})

/** Rows of the tables that say how their keys are tried. */
const rows = page
  .split('<!-- keys: ')
  .slice(1)
  .flatMap((part) => {
    const template = part.slice(0, part.indexOf(' -->'))
    const given = /<!-- given: (.*?) -->/.exec(part.slice(0, part.indexOf('\n|')))?.[1]?.split('; ') ?? []
    const table = part.slice(part.indexOf('\n|') + 1).split('\n\n')[0] ?? ''
    return table
      .split('\n')
      .slice(2)
      .flatMap((line) => {
        const [, key = '', value = '', range = ''] = line.split('|').map((cell) => cell.trim())
        const bounds = /^(\S+) \.\. (\S+)$/.exec(range)?.slice(1).map(Number)
        const name = key.replaceAll('`', '')
        const others = given.filter((property) => !property.startsWith(`${name} `)).join('  ')
        return bounds
          ? [{ name, value, bounds, source: (property: string) => template.replace('KEY', `${others}  ${property}`) }]
          : []
      })
  })

describe('ranges', () => {
  const single = rows.filter(
    ({ name, value }) => value.includes('number') && !value.includes('joined') && name !== 'weighting',
  )
  it('are found', () => expect(single.length).toBeGreaterThan(35))

  it.each(single)('$name: $bounds', ({ name, value, bounds, source }) => {
    const property = (number: number) => source(`${name}${name === 'micro' ? ' scale' : ''} ${number}`)
    const codes = (number: number) =>
      check(property(number))
        .diagnostics.filter(({ message }) => message.startsWith(`\`${name}\``))
        .map(({ code }) => code)
    const [least = 0, most = 0] = bounds
    const step = Number.isInteger(least) && most > 1 ? 1 : 1e-7
    expect(codes(least - step)).toContain('MDM0115')
    expect(codes(most > 1e15 ? most * 2 : most + step)).toContain('MDM0115')
    for (const number of value.includes('multiple') ? [8] : [least, most > 4000 ? least : most]) {
      expect(codes(number).filter((code) => ['MDM0115', 'MDM0113', 'MDM0105', 'MDM0111'].includes(code))).toEqual([])
    }
  })
})

it('every key is explained', () => {
  expect(
    keys.filter(
      (key) =>
        !page.includes(`\`${key}\``) &&
        !new RegExp(`^\\s.*\\b${key}\\b`, 'm').test(page) &&
        !page.includes(`{ ${key} `),
    ),
  ).toEqual([])
})
