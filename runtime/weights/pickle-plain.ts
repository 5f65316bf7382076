/** The settings and counters of a checkpoint as plain values, tensors left out. */
import { isKind, type PickleValue } from './pickle-values.js'
import type { PlainValue } from './source.js'

const deepest = 32
/** A pickle can name the same part many times; what it spells out is bounded. */
const mostValues = 100_000

/** Converts values, together at most `mostValues` of them; what is beyond is left out. */
export class PlainConverter {
  #left = mostValues

  /** Undefined for what is not plain: a tensor, or what lies too deep. */
  convert(value: PickleValue, depth = 0): PlainValue | undefined {
    if (depth > deepest || this.#left <= 0) return undefined
    this.#left -= typeof value === 'string' ? 1 + value.length / 16 : 1
    if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string')
      return value
    if (typeof value === 'bigint') return value.toString()
    if (value instanceof Uint8Array) return undefined
    switch (value.kind) {
      case 'tuple':
      case 'list':
      case 'set':
        return this.#list(value.items, depth)
      case 'dictionary':
        return this.#object(value.entries, depth)
      case 'global':
        return value.name
      case 'record': {
        if (isKind(value.state, 'dictionary')) return this.#object(value.state.entries, depth)
        if (value.entries.size > 0) return this.#object(value.entries, depth)
        if (value.items.length > 0) return this.#list(value.items, depth)
        return value.arguments.length > 0 ? this.#list(value.arguments, depth) : value.type
      }
      case 'storage':
      case 'tensor':
        return undefined
    }
  }

  #list(items: Iterable<PickleValue>, depth: number): PlainValue {
    const result: PlainValue[] = []
    for (const item of items) {
      if (this.#left <= 0) break
      result.push(this.convert(item, depth + 1) ?? null)
    }
    return result
  }

  #object(entries: ReadonlyMap<PickleValue, PickleValue>, depth: number): PlainValue {
    const fields = new Map<string, PlainValue>()
    for (const [key, value] of entries) {
      if (this.#left <= 0) break
      const plain = this.convert(value, depth + 1)
      if (plain !== undefined && (typeof key === 'string' || typeof key === 'number')) fields.set(String(key), plain)
    }
    return withoutPrototype(fields)
  }
}

/** An object in which `__proto__` is a key like any other. */
function withoutPrototype(fields: ReadonlyMap<string, PlainValue>): Readonly<Record<string, PlainValue>> {
  const object: Record<string, PlainValue> = Object.create(null) as Record<string, PlainValue>
  for (const [key, value] of fields) object[key] = value
  return object
}
