/** What expressions of blocks work with: numbers and sizes known when compiling, and tensors of the graph. */
import type { Finding, Span } from '../diagnostics/diagnostic.js'
import { wrongKind } from '../diagnostics/block.js'
import { isSymbolic, showDimension, type Dimension } from '../ir/dimension.js'
import type { Value } from '../ir/graph.js'
import { showType } from '../ir/tensor.js'

export type BlockValue =
  | { readonly kind: 'size'; readonly size: Dimension }
  | { readonly kind: 'yesno'; readonly value: boolean }
  | { readonly kind: 'none' }
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'list'; readonly items: readonly BlockValue[] }
  | { readonly kind: 'tensor'; readonly tensor: Value }

export const none: BlockValue = { kind: 'none' }

export function sizeValue(size: Dimension): BlockValue {
  return { kind: 'size', size }
}

export function yesNoValue(value: boolean): BlockValue {
  return { kind: 'yesno', value }
}

export function tensorValue(tensor: Value | undefined): BlockValue {
  return tensor === undefined ? none : { kind: 'tensor', tensor }
}

/** A mistake in a block, on its way from its place to where the block was put into the model. */
export class BlockFault extends Error {
  /** Where the blocks on the way were used, innermost first. */
  readonly uses: Span[] = []

  constructor(
    readonly finding: Finding,
    readonly span: Span,
  ) {
    super(finding.message)
  }
}

export function describe(value: BlockValue): string {
  switch (value.kind) {
    case 'size':
      return `the number ${showDimension(value.size)}`
    case 'yesno':
      return value.value ? 'yes' : 'no'
    case 'none':
      return 'none'
    case 'word':
      return `the word ${value.word}`
    case 'list':
      return `a list of ${value.items.length}`
    case 'tensor':
      return `a tensor ${showType(value.tensor.type)}`
  }
}

/** Reads values as what a function needs, with a fault at the right place where they are something else. */
export class Reading {
  constructor(
    private readonly value: BlockValue,
    private readonly what: string,
    readonly span: Span,
  ) {}

  #wrong(expected: string): never {
    throw new BlockFault(wrongKind({ what: this.what, expected, found: describe(this.value) }), this.span)
  }

  get isNone(): boolean {
    return this.value.kind === 'none'
  }

  tensor(): Value {
    return this.value.kind === 'tensor' ? this.value.tensor : this.#wrong('a tensor')
  }

  dimension(): Dimension {
    return this.value.kind === 'size' ? this.value.size : this.#wrong('a number')
  }

  number(): number {
    const size = this.dimension()
    return isSymbolic(size) ? this.#wrong('a number known when the model is compiled') : size
  }

  /** A whole number from `least` to a bound that no sensible network reaches. */
  whole(least = 0): number {
    const number = this.number()
    return Number.isInteger(number) && number >= least && number <= 1_000_000
      ? number
      : this.#wrong(`a whole number of ${least} at least`)
  }

  yesNo(): boolean {
    return this.value.kind === 'yesno' ? this.value.value : this.#wrong('yes or no')
  }

  word(words: readonly string[]): string {
    return this.value.kind === 'word' && words.includes(this.value.word)
      ? this.value.word
      : this.#wrong(words.join(' or '))
  }

  shape(): Dimension[] {
    if (this.value.kind !== 'list') return this.#wrong('a list of sizes in brackets')
    return this.value.items.map((item, i) => new Reading(item, `size ${i + 1} of ${this.what}`, this.span).dimension())
  }
}
