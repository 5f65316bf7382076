/**
 * Reads the properties of a section by key and kind of value, and reports what is unknown, repeated, missing or of
 * another kind. The keys that were asked for are the keys that the section knows.
 */
import type { keys } from '../../grammar/keys.js'
import type { Report, Span } from '../diagnostics/diagnostic.js'
import * as say from '../diagnostics/language.js'
import { nearestName, oneOf } from '../diagnostics/suggest.js'
import { fixTo } from './spelling.js'
import type * as ast from '../syntax/ast.js'

/** A value and where it was written; values that come from defaults have the place that they follow from. */
export interface Placed<T> {
  readonly value: T
  readonly span: Span
}

export interface NumberRule {
  readonly minimum: number
  readonly maximum: number
  /** Whole numbers only. */
  readonly whole?: boolean
  /** `k` (thousand) and `M` (million) may follow; or `%`; or `px`. */
  readonly units?: Readonly<Record<string, number>>
}

/** Counts of steps and images, which are often written in thousands. */
export const counts = { k: 1e3, M: 1e6 } as const
export const percent = { '%': 0.01 } as const
export const pixels = { px: 1 } as const

interface Reference {
  readonly name: string
  readonly nameSpan: Span
  readonly arguments: readonly ast.Argument[]
}

/** The values of one property, taken one after the other. */
export class PropertyReader {
  #next = 0
  /** The words that were looked for behind the values. */
  readonly flags: string[] = []

  constructor(
    readonly property: ast.Property,
    private readonly report: Report,
  ) {}

  get key(): string {
    return this.property.key.text
  }

  get span(): Span {
    return this.property.key.span
  }

  /** Whether a value is left. */
  get more(): boolean {
    return this.#next < this.property.values.length
  }

  get rest(): readonly ast.PropertyValue[] {
    return this.property.values.slice(this.#next)
  }

  #take<T>(
    expected: string,
    accept: (value: ast.PropertyValue) => T | undefined,
    near?: (value: ast.PropertyValue) => string | undefined,
  ): T | undefined {
    const value = this.property.values[this.#next]
    if (value === undefined) {
      this.report(say.missingValue({ key: this.key, expected }), this.span)
      return undefined
    }
    this.#next++
    const accepted = accept(value)
    if (accepted === undefined) {
      const word = near?.(value)
      const help = word === undefined ? undefined : `did you mean \`${word}\`?`
      this.report(
        say.wrongValue({ key: this.key, expected, found: describe(value), help }),
        value.span,
        fixTo(word, value.span),
      )
    }
    return accepted
  }

  number(rule: NumberRule): Placed<number> | undefined {
    const expected = rule.whole ? 'a whole number' : 'a number'
    const found = this.#take(expected, (value) =>
      value.kind === 'numbers' && value.numbers.length === 1 ? value.numbers[0] : undefined,
    )
    return found && this.inRange(found, rule)
  }

  private inRange({ value: written, unit, span }: ast.NumberSyntax, rule: NumberRule): Placed<number> | undefined {
    const { minimum, maximum, whole = false, units = {} } = rule
    const factor = unit === '' ? 1 : Object.entries(units).find(([name]) => name === unit)?.[1]
    if (factor === undefined) {
      const fix = {
        title: `remove \`${unit}\``,
        edits: [{ span: { ...span, start: span.end - unit.length }, replacement: '' }],
      }
      this.report(
        say.unknownUnit({ unit, units: Object.keys(units) }),
        { ...span, start: span.end - unit.length },
        { fix },
      )
      return undefined
    }
    const value = written * factor
    if (value < minimum || value > maximum || (whole && !Number.isInteger(value)) || !Number.isFinite(value)) {
      this.report(say.outOfRange({ key: this.key, value, minimum, maximum, whole }), span)
      return undefined
    }
    return { value, span }
  }

  numbers(rule: NumberRule): Placed<readonly number[]> | undefined {
    const found = this.#take('numbers joined by `:`, such as 2:1', (value) =>
      value.kind === 'numbers' ? value : undefined,
    )
    const checked = found?.numbers.map((number) => this.inRange(number, rule)?.value)
    return found && checked?.every((value) => value !== undefined) ? { value: checked, span: found.span } : undefined
  }

  list(rule: NumberRule): Placed<readonly number[]> | undefined {
    const found = this.#take('a list of numbers in brackets', (value) => (value.kind === 'list' ? value : undefined))
    const checked = found?.items.map((item) => ('text' in item ? undefined : this.inRange(item, rule)?.value))
    if (found && checked?.some((value) => value === undefined))
      this.report(
        say.wrongValue({ key: this.key, expected: 'numbers only', found: 'a list with other things' }),
        found.span,
      )
    return found && checked?.every((value) => value !== undefined) ? { value: checked, span: found.span } : undefined
  }

  texts(): Placed<readonly string[]> | undefined {
    const found = this.#take('a list of texts in brackets', (value) =>
      value.kind === 'list' && value.items.every((item) => 'text' in item) ? value : undefined,
    )
    return found && { value: found.items.map((item) => ('text' in item ? item.text : '')), span: found.span }
  }

  yesNo(): Placed<boolean> | undefined {
    const found = this.#take('yes or no', (value) => (value.kind === 'yesno' ? value : undefined))
    return found && { value: found.value, span: found.span }
  }

  text(): Placed<string> | undefined {
    const found = this.#take('a text in double quotes', (value) => (value.kind === 'string' ? value : undefined))
    return found && { value: found.text, span: found.span }
  }

  /** One of a few words, none of which is a key; `none` may be one of them. */
  word<Word extends string>(
    words: readonly Word[],
    ..._keys: Word & (typeof keys)[number] extends never ? [] : [never]
  ): Placed<Word> | undefined {
    const spelt = (value: ast.PropertyValue) =>
      value.kind === 'none' ? 'none' : value.kind === 'reference' && !value.arguments ? value.name.text : ''
    const found = this.#take(
      oneOf(words),
      (value) => {
        const word = words.find((candidate) => candidate === spelt(value))
        return word === undefined ? undefined : { value: word, span: value.span }
      },
      (value) => nearestName(spelt(value), words),
    )
    return found
  }

  /** The next value if it is this word. */
  flag(word: string): Placed<true> | undefined {
    this.flags.push(word)
    const value = this.property.values[this.#next]
    if (value?.kind !== 'reference' || value.name.text !== word) return undefined
    this.#next++
    return { value: true, span: value.span }
  }

  /** A name chosen by the user, or a block with arguments. */
  reference(what: string): Placed<Reference> | undefined {
    const found = this.#take(what, (value) => (value.kind === 'reference' ? value : undefined))
    if (found === undefined) return undefined
    const { name, arguments: given = [], span } = found
    return { value: { name: name.text, nameSpan: name.span, arguments: given }, span }
  }
}

function describe(value: ast.PropertyValue): string {
  switch (value.kind) {
    case 'numbers':
      return value.numbers.map(({ value: n, unit }) => `${n}${unit}`).join(':')
    case 'string':
      return `"${value.text}"`
    case 'yesno':
      return value.value ? 'yes' : 'no'
    case 'none':
      return 'none'
    case 'list':
      return 'a list'
    case 'reference':
      return `\`${value.name.text}\``
  }
}

type Take<T> = (property: PropertyReader) => T | undefined

export class SectionReader {
  readonly #properties: readonly ast.Property[]
  readonly #asked = new Set<string>()
  readonly #taken = new Set<ast.Property>()
  readonly #strays: { readonly name: ast.Named; readonly flags: readonly string[] }[] = []

  /** `name` is what the section is called in messages, such as `a level`. */
  constructor(
    readonly name: string,
    section: ast.Section | undefined,
    readonly report: Report,
    readonly span: Span,
  ) {
    this.#properties = (section?.properties ?? []).flatMap(splitAtWords)
  }

  /** The property `key`, read by `take`; undefined where it is absent or wrong (which is reported). */
  one<T>(key: string, take: Take<T>, options: { section?: boolean } = {}): T | undefined {
    const [first, ...more] = this.#of(key)
    for (const again of more) {
      this.report(say.repeatedKey({ key }), again.key.span, {
        because: first ? [{ span: first.key.span, text: 'first here' }] : [],
      })
    }
    return first && this.#read(first, take, options.section ?? false)
  }

  /** All properties `key`, such as the levels of a model. */
  many<T>(key: string, take: Take<T>, options: { section?: boolean } = {}): T[] {
    return this.#of(key).flatMap((property) => {
      const value = this.#read(property, take, options.section ?? false)
      return value === undefined ? [] : [value]
    })
  }

  has(key: string): Placed<true> | undefined {
    const found = this.#properties.find((property) => property.key.text === key)
    return found && { value: true, span: found.key.span }
  }

  #of(key: string): ast.Property[] {
    this.#asked.add(key)
    const found = this.#properties.filter((property) => property.key.text === key)
    for (const property of found) this.#taken.add(property)
    return found
  }

  #read<T>(property: ast.Property, take: Take<T>, section: boolean): T | undefined {
    if (!section && property.section)
      this.report(say.sectionNotExpected({ key: property.key.text }), property.section.span)
    const reader = new PropertyReader(property, this.report)
    const value = take(reader)
    const surplus = reader.rest[0]
    if (surplus && value !== undefined) {
      // A word behind the values is a misspelt key, or a misspelt word that may follow them.
      if (surplus.kind === 'reference') this.#strays.push({ name: surplus.name, flags: reader.flags })
      else {
        const found = describe(surplus)
        this.report(say.wrongValue({ key: property.key.text, expected: 'no further value', found }), surplus.span)
      }
    }
    return value
  }

  /** Reports the words that nobody asked for. Called when all keys were asked for. */
  finish(): void {
    for (const property of this.#properties) if (!this.#taken.has(property)) this.#unknown(property.key, [])
    for (const { name, flags } of this.#strays) this.#unknown(name, flags)
  }

  #unknown(key: ast.Named, flags: readonly string[]): void {
    const known = [...this.#asked]
    const near = nearestName(key.text, [...flags, ...known])
    this.report(say.unknownKey({ key: key.text, section: this.name, known, near }), key.span, fixTo(near, key.span))
  }

  /** Reports that `key` is needed, unless it is only misspelt. */
  missing(key: string, example: string): void {
    const strays = this.#properties.filter((property) => !this.#taken.has(property)).map((property) => property.key)
    const misspelt = [...strays, ...this.#strays.map(({ name }) => name)]
    if (misspelt.some(({ text }) => nearestName(text, [key]) !== undefined)) return
    this.report(say.missingKey({ key, section: this.name, example }), this.span)
  }
}

/**
 * A misspelt key after another property looks like a value of that property: `blocks 2 chanels 64` reads as one
 * property. Where a word follows a number and has values of its own, it was meant as a key.
 */
function splitAtWords(property: ast.Property): ast.Property[] {
  const { key, values } = property
  const at = values.findIndex(
    (value, i) =>
      i > 0 &&
      value.kind === 'reference' &&
      !value.arguments &&
      values[i - 1]?.kind === 'numbers' &&
      values[i + 1]?.kind === 'numbers',
  )
  const word = values[at]
  if (at < 0 || word?.kind !== 'reference') return [property]
  const rest: ast.Property = {
    key: word.name,
    values: values.slice(at + 1),
    section: property.section,
    span: { ...property.span, start: word.span.start },
  }
  return [{ key, values: values.slice(0, at), section: undefined, span: property.span }, ...splitAtWords(rest)]
}
