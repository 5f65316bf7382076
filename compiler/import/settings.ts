/** Reads the settings of a YAML mapping by key and kind, with a diagnostic for each that is unknown or of another kind. */
import { isMap, isPair, isScalar, isSeq, type Node, type YAMLMap } from 'yaml'
import type { Report, Span } from '../diagnostics/diagnostic.js'
import { missingSetting, unknownSetting, wrongSetting } from '../diagnostics/import.js'

export class Settings {
  readonly #asked = new Set<string>()

  constructor(
    private readonly map: YAMLMap,
    private readonly file: string,
    readonly report: Report,
  ) {}

  #node(key: string): Node | undefined {
    this.#asked.add(key)
    const node: unknown = this.map.get(key, true)
    return isScalar(node) || isMap(node) || isSeq(node) ? node : undefined
  }

  /** Where a key's value stands, or the whole mapping. */
  span(key?: string): Span {
    const range = (key === undefined ? undefined : this.#node(key)?.range) ?? this.map.range ?? [0, 0]
    return { file: this.file, start: range[0], end: Math.max(range[0] + 1, range[1]) }
  }

  has(key: string): boolean {
    const node = this.#node(key)
    return node !== undefined && !(isScalar(node) && (node.value === null || node.value === 'null'))
  }

  #read<T>(key: string, expected: string, accept: (value: unknown) => T | undefined): T | undefined {
    if (!this.has(key)) return undefined
    const node = this.#node(key)
    const value: unknown = isScalar(node) ? node.value : node
    const accepted = accept(value)
    if (accepted === undefined) this.report(wrongSetting({ key, expected, found: isScalar(node) ? JSON.stringify(node.value) : 'a collection' }), this.span(key))
    return accepted
  }

  number(key: string): number | undefined {
    return this.#read(key, 'a number', (value) => (typeof value === 'bigint' ? Number(value) : typeof value === 'number' && Number.isFinite(value) ? value : undefined))
  }

  whole(key: string): number | undefined {
    return this.#read(key, 'a whole number', (value) => (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 1e9 ? value : undefined))
  }

  /** yes or no; 0 and 1 count too, as in the reference's own files. */
  flag(key: string): boolean | undefined {
    return this.#read(key, 'true or false', (value) => (typeof value === 'boolean' ? value : value === 0 ? false : value === 1 ? true : undefined))
  }

  text(key: string): string | undefined {
    return this.#read(key, 'a text', (value) => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined))
  }

  /** Whole numbers as a list or, in older files, as text with commas; one number stands for all resolutions. */
  list(key: string, length?: number): number[] | undefined {
    const numbers = this.#read(key, 'whole numbers', (value) => {
      const items = isSeq(value) ? value.items.map((item): unknown => (isScalar(item) ? item.value : item)) : typeof value === 'string' ? value.split(',').filter((part) => part.trim() !== '').map(Number) : [value]
      return items.every((item) => typeof item === 'number' && Number.isInteger(item)) && items.length <= 64 ? (items as number[]) : undefined
    })
    return numbers?.length === 1 && length !== undefined ? new Array<number>(length).fill(numbers[0] ?? 0) : numbers
  }

  section(key: string): Settings | undefined {
    const node = this.#node(key)
    if (isMap(node)) return new Settings(node, this.file, this.report)
    if (this.has(key)) this.report(wrongSetting({ key, expected: 'a mapping', found: 'a single value' }), this.span(key))
    return undefined
  }

  require(key: string): void {
    if (!this.has(key)) this.report(missingSetting({ key }), this.span())
  }

  /** Reports settings that nobody asked for. */
  finish(): void {
    for (const key of this.unasked()) this.report(unknownSetting({ key, known: [...this.#asked] }), this.span(key))
  }

  /** The keys that nobody asked for. */
  unasked(): string[] {
    return this.map.items.flatMap((item) => (isPair(item) && isScalar(item.key) ? [String(item.key.value)] : [])).filter((key) => !this.#asked.has(key))
  }
}
