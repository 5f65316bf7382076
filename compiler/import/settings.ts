/** Reads the settings of a YAML mapping by key and kind, with a diagnostic for each that is unknown or of another kind. */
import { isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml'
import type { Report, Span } from '../diagnostics/diagnostic.js'
import { missingSetting, repeatedSetting, unknownSetting, wrongSetting } from '../diagnostics/import.js'
import type { YamlFile } from './yaml.js'

/** What a number may be. */
interface NumberRule {
  readonly minimum?: number
  readonly maximum?: number
  /** Whether null may stand for the default, as it does for settings whose default is null. */
  readonly nullable?: boolean
}

/** Words that the YAML of Python reads as true or false; others are the same in all versions of YAML. */
const yesNo: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ...['yes', 'Yes', 'YES', 'on', 'On', 'ON'].map((word) => [word, true] as const),
  ...['no', 'No', 'NO', 'off', 'Off', 'OFF'].map((word) => [word, false] as const),
  ...([true, 1] as const).map((value) => [value, true] as const),
  ...([false, 0] as const).map((value) => [value, false] as const),
])

const wholeNumber = /^\s*[-+]?\d+\s*$/
const anyNumber = /^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/

/** Numbers may be given as text, which the reference's argument parser converts. */
function numberOf(value: unknown, pattern: RegExp): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'string' && pattern.test(value) ? Number(value) : undefined
}

export class Settings {
  readonly #asked = new Set<string>()
  /** Every key with all its values, in the order of the file. */
  readonly #pairs = new Map<string, Pair[]>()

  constructor(
    private readonly yaml: YamlFile,
    private readonly file: string,
    readonly report: Report,
    private readonly map: YAMLMap = yaml.map,
  ) {
    for (const pair of map.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : '[...]'
      const same = this.#pairs.get(key)
      if (same) same.push(pair)
      else this.#pairs.set(key, [pair])
    }
  }

  /** The value of a key; the last one where the key repeats, as for the reference. */
  #node(key: string): Node | undefined {
    this.#asked.add(key)
    const node: unknown = this.yaml.resolve(this.#pairs.get(key)?.at(-1)?.value)
    return isScalar(node) || isMap(node) || isSeq(node) ? node : undefined
  }

  /** Where a key's value stands, or the beginning of the mapping. */
  span(key?: string): Span {
    const pair = key === undefined ? undefined : this.#pairs.get(key)?.at(-1)
    const value = pair?.value
    const named = isScalar(pair?.key) ? pair.key.range : undefined
    const range = (isScalar(value) || isSeq(value) ? value.range : named) ?? this.#start()
    return { file: this.file, start: range[0], end: Math.max(range[0] + 1, range[1]) }
  }

  #start(): readonly [number, number] {
    const [first] = this.map.items
    const start = (isScalar(first?.key) ? first.key.range?.[0] : undefined) ?? this.map.range?.[0] ?? 0
    return [start, start + 1]
  }

  /** Whether a key is there, with whatever value. */
  given(key: string): boolean {
    return this.#node(key) !== undefined
  }

  /** Whether a key has a value other than null. */
  has(key: string): boolean {
    const node = this.#node(key)
    return node !== undefined && !(isScalar(node) && node.value === null)
  }

  #read<T>(
    key: string,
    expected: string,
    nullable: boolean,
    accept: (value: unknown, quoted: boolean) => T | undefined,
  ): T | undefined {
    this.#refuseRepetition(key)
    const node = this.#node(key)
    if (node === undefined || (nullable && !this.has(key))) return undefined
    const value: unknown = isScalar(node) ? node.value : node
    // A leading zero means base 8 in the YAML of Python, and base 10 in others.
    const ambiguous = isScalar(node) && typeof value === 'number' && /^[-+]?0\d/.test(node.source ?? '')
    const accepted = ambiguous ? undefined : accept(value, isScalar(node) && node.type !== 'PLAIN')
    if (accepted === undefined) this.report(wrongSetting({ key, expected, found: describe(node) }), this.span(key))
    return accepted
  }

  #refuseRepetition(key: string): void {
    const pairs = this.#pairs.get(key) ?? []
    if (pairs.length < 2) return
    const values = new Set(pairs.map(({ value }) => String(this.yaml.resolve(value))))
    if (values.size < 2) return
    const spans = pairs.flatMap(({ key: place }) =>
      isScalar(place) && place.range ? [{ file: this.file, start: place.range[0], end: place.range[1] }] : [],
    )
    this.report(repeatedSetting({ key }), spans.at(-1) ?? this.span(), {
      because: spans.slice(0, -1).map((span) => ({ span, text: 'another value' })),
    })
  }

  number(key: string, { minimum = -1e30, maximum = 1e30, nullable = false }: NumberRule = {}): number | undefined {
    return this.#read(key, `a number${range(minimum, maximum)}`, nullable, (value) => {
      const number = numberOf(value, anyNumber)
      return number !== undefined && number >= minimum && number <= maximum ? number : undefined
    })
  }

  whole(key: string, { minimum = -1e9, maximum = 1e9, nullable = false }: NumberRule = {}): number | undefined {
    return this.#read(key, `a whole number${range(minimum, maximum)}`, nullable, (value) => {
      const number = numberOf(value, wholeNumber)
      return Number.isInteger(number) && number !== undefined && number >= minimum && number <= maximum
        ? number
        : undefined
    })
  }

  /** true or false; 0, 1 and words such as `no` count too. */
  flag(key: string): boolean | undefined {
    return this.#read(key, 'true or false', false, (value, quoted) => (quoted ? undefined : yesNo.get(value)))
  }

  /** Text whose default is null. */
  text(key: string): string | undefined {
    return this.#read(key, 'a text', true, (value) =>
      typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined,
    )
  }

  /** Whole numbers as a list, as text with commas, or a single one. */
  list(key: string, { minimum = -1e9, maximum = 1e9, nullable = false }: NumberRule = {}): number[] | undefined {
    return this.#read(key, `whole numbers${range(minimum, maximum)}`, nullable, (value) => {
      const items: unknown[] = isSeq(value)
        ? value.items.map((item): unknown => (isScalar(item) ? item.value : item))
        : typeof value === 'string'
          ? value === ''
            ? []
            : value.split(',')
          : [value]
      const numbers = items.slice(0, 65).map((item) => numberOf(item, wholeNumber))
      const fits = (number: number | undefined): number is number =>
        number !== undefined && Number.isInteger(number) && number >= minimum && number <= maximum
      return numbers.every(fits) && numbers.length <= 64 ? numbers : undefined
    })
  }

  section(key: string): Settings | undefined {
    this.#refuseRepetition(key)
    const node = this.#node(key)
    if (isMap(node)) return new Settings(this.yaml, this.file, this.report, node)
    if (this.has(key))
      this.report(wrongSetting({ key, expected: 'a mapping', found: 'a single value' }), this.span(key))
    return undefined
  }

  missing(key: string, reason: string): void {
    this.report(missingSetting({ key, reason }), this.span())
  }

  /** Reports settings that nobody asked for. */
  finish(): void {
    for (const key of this.unasked().slice(0, 20))
      this.report(unknownSetting({ key, known: [...this.#asked] }), this.keySpan(key))
  }

  /** Where a key itself stands. */
  keySpan(key: string): Span {
    const place = this.#pairs.get(key)?.at(-1)?.key
    const range = isScalar(place) ? place.range : undefined
    return range ? { file: this.file, start: range[0], end: Math.max(range[0] + 1, range[1]) } : this.span()
  }

  /** The keys that nobody asked for. */
  unasked(): string[] {
    return [...this.#pairs.keys()].filter((key) => !this.#asked.has(key))
  }
}

function range(minimum: number, maximum: number): string {
  if (minimum > -1e9 && maximum < 1e9) return ` from ${minimum} to ${maximum}`
  return minimum > -1e9 ? ` of at least ${minimum}` : ''
}

function describe(node: Node): string {
  if (!isScalar(node)) return isSeq(node) ? (node.items.length === 0 ? 'an empty list' : 'this list') : 'a mapping'
  const written = typeof node.value === 'number' ? node.source : undefined
  return written ?? JSON.stringify(node.value).slice(0, 80)
}
