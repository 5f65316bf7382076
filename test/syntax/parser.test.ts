/** The parser takes any text: it ends, throws nothing, and points into the text. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { renderDiagnostic } from '../../compiler/diagnostics/render.js'
import { readFile } from '../../compiler/syntax/read.js'
import { tokens } from '../../grammar/tokens.js'
import { withoutPlaces } from './plain.js'
import { sentences } from './sentences.js'

const words = tokens.flatMap(({ PATTERN }) => (typeof PATTERN === 'string' ? [PATTERN] : []))
const soup = fc
  .array(
    fc.constantFrom(...words, 'x', 'conv', '64', '30k', '"text"', '// remark\n', '\n', '\n  ', '==', '"', "'", '#'),
    { maxLength: 80 },
  )
  .map((list) => list.join(' '))
const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ maxLength: 200 }), soup)

/** Every span in a value. */
function spansIn(value: unknown): { start: number; end: number }[] {
  if (typeof value !== 'object' || value === null) return []
  const own =
    'start' in value && 'end' in value && typeof value.start === 'number' && typeof value.end === 'number'
      ? [{ start: value.start, end: value.end }]
      : []
  return [...own, ...Object.values(value).flatMap(spansIn)]
}

function read(text: string) {
  const found = new DiagnosticList()
  return { file: readFile('any.mdm', text, found.report), diagnostics: found.all }
}

function expectInside(text: string): void {
  const { file, diagnostics } = read(text)
  for (const { start, end } of [...spansIn(file), ...spansIn(diagnostics)]) {
    expect(start).toBeGreaterThanOrEqual(0)
    expect(start).toBeLessThan(end)
    expect(end).toBeLessThanOrEqual(Math.max(1, text.length + 1))
  }
  for (const diagnostic of diagnostics)
    expect(renderDiagnostic(diagnostic, new Map([['any.mdm', text]]))).not.toContain('undefined')
}

describe('any text', () => {
  it('is read, with every place inside of it', () => {
    fc.assert(fc.property(anyText, expectInside), { numRuns: 1000 })
  })

  it('is read when it is a file with a piece missing or another put in', () => {
    fc.assert(
      fc.property(sentences, fc.nat(), fc.nat({ max: 30 }), soup, (text, at, length, other) => {
        const start = at % (text.length + 1)
        expectInside(text.slice(0, start) + text.slice(start + length))
        expectInside(text.slice(0, start) + other.slice(0, length) + text.slice(start))
      }),
      { numRuns: 200 },
    )
  })

  it('says what is wrong wherever the tree is not whole', () => {
    fc.assert(
      fc.property(soup, (text) => {
        const { file, diagnostics } = read(text)
        if (file.damaged) expect(diagnostics).not.toEqual([])
      }),
      { numRuns: 500 },
    )
  })
})

describe('nesting', () => {
  const nested = (open: string, close: string, count: number) =>
    `block b(x) { return ${open.repeat(count)}x${close.repeat(count)} }`
  const kinds = [
    ['(', ')'],
    ['[', ']'],
    ['f(', ')'],
    ['if x then ', ' else x'],
    ['if x then x else ', ''],
    ['(x + ', ')'],
  ] as const

  it.each(kinds)('of %s ... %s is read up to a limit and refused beyond it', (open, close) => {
    expect(read(nested(open, close, 45)).diagnostics).toEqual([])
    for (const count of [51, 10_000, 100_000]) {
      expect(read(nested(open, close, count)).diagnostics.map(({ code }) => code)).toContain('MDM0104')
    }
  })

  it.each(['x + ', 'x | silu | ', 'x * ', 'not x and '])('a chain of "%s" has a limit too', (step) => {
    expect(read(nested(step, '', 150)).diagnostics.filter(({ code }) => code === 'MDM0104')).toEqual([])
    expect(read(nested(step, '', 100_000)).diagnostics.map(({ code }) => code)).toContain('MDM0104')
  })

  it('of braces without end is refused', () => {
    expect(read('a { '.repeat(100_000)).diagnostics.map(({ code }) => code)).toContain('MDM0104')
  })

  it('signs before a value cost no depth', () => {
    const { file, diagnostics } = read(`block b(x) { return ${'- '.repeat(301)}x }`)
    expect(diagnostics).toEqual([])
    expect(withoutPlaces(file)).toEqual(withoutPlaces(read('block b(x) { return -x }').file))
  })
})
