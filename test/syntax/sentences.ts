/** Random files that the grammar allows: walks the grammar's own rules, so that no construct can be forgotten. */
import {
  Alternation,
  Alternative,
  NonTerminal,
  Option,
  Repetition,
  RepetitionMandatory,
  RepetitionMandatoryWithSeparator,
  RepetitionWithSeparator,
  Terminal,
  type IProduction,
  type Rule,
  type TokenType,
} from 'chevrotain'
import fc from 'fast-check'
import { parser } from '../../grammar/parser.js'

const rules = parser.getGAstProductions()

/** Words for the tokens that are no fixed word or sign. */
const samples: Readonly<Record<string, readonly string[]>> = {
  Name: ['x', 'h', 'width', 'my_block', 'blocks', 'a_rather_long_name_of_something'],
  Identifier: ['text', 'rgb', 'my_block', 'cosine', 'shifted'],
  Number: ['0', '64', '1e-4', '30k', '10%', '0.995', '123456789'],
  String: ['""', '"./S64.mdm"', '"a \\"quoted\\" // text"'],
  Equality: ['==', '!='],
  Comparison: ['<', '<=', '>', '>='],
  Product: ['*', '/', '%'],
}

/** What stands between two tokens; a remark needs an end of line. */
const gaps = [
  ' ',
  ' ',
  ' ',
  '  ',
  '\n',
  '\n\n',
  '\n\n\n',
  ' \t ',
  '\r\n',
  ' // trailing\n',
  '\n// own line\n',
  '\n\n  //own  \n\n',
  ' // a\n// b\n',
]

/** A file of random choices; after the last of them, the shortest ending. */
export const sentences: fc.Arbitrary<string> = fc
  .array(fc.nat({ max: 5039 }), { minLength: 10, maxLength: 600, size: 'max' })
  .map((choices) => new Writer(choices).write())

class Writer {
  #at = 0
  #text = ''
  #depth = 0
  /** Whether most tokens stand side by side. */
  #calm = false

  constructor(private readonly choices: readonly number[]) {}

  write(): string {
    this.#calm = this.#choice(2) === 0
    const file = rules.file
    if (file) this.#rule(file)
    return this.#text + (this.#choice(2) === 0 ? '\n' : ' // the end')
  }

  /** A number below `count`; 0 when the choices are used up. */
  #choice(count: number): number {
    const choice = this.choices[this.#at++]
    return choice === undefined ? 0 : choice % count
  }

  get #over(): boolean {
    return this.#at >= this.choices.length || this.#depth > 60
  }

  #token(type: TokenType): void {
    const words = samples[type.name] ?? [typeof type.PATTERN === 'string' ? type.PATTERN : type.name]
    this.#text +=
      (gaps[this.#choice(this.#calm ? 200 : gaps.length)] ?? ' ') + (words[this.#choice(words.length)] ?? '')
    if (!this.#text.endsWith(' ')) this.#text += ' '
  }

  #rule(rule: Rule): void {
    this.#depth++
    this.#all(rule.definition)
    this.#depth--
  }

  #all(productions: readonly IProduction[]): void {
    for (const production of productions) this.#production(production)
  }

  #repeat(definition: readonly IProduction[], least: number, separator?: TokenType): void {
    const count = this.#over ? least : least + this.#choice(4)
    for (let i = 0; i < count; i++) {
      if (i > 0 && separator) this.#token(separator)
      this.#all(definition)
    }
  }

  #production(production: IProduction): void {
    if (production instanceof Terminal) this.#token(production.terminalType)
    // Only behind some keys can a word be a value.
    else if (production instanceof NonTerminal && production.nonTerminalName === 'word') return
    else if (production instanceof NonTerminal) this.#rule(production.referencedRule)
    else if (production instanceof Alternation) {
      const alternatives = production.definition
      const chosen = this.#over
        ? alternatives.reduce((a, b) => (heightOf([a]) <= heightOf([b]) ? a : b))
        : alternatives[this.#choice(alternatives.length)]
      this.#all(chosen ? [chosen] : [])
    } else if (production instanceof Option) this.#repeatAtMostOnce(production.definition)
    else if (production instanceof Repetition) this.#repeat(production.definition, 0)
    else if (production instanceof RepetitionMandatory) this.#repeat(production.definition, 1)
    else if (production instanceof RepetitionWithSeparator) this.#repeat(production.definition, 0, production.separator)
    else if (production instanceof RepetitionMandatoryWithSeparator)
      this.#repeat(production.definition, 1, production.separator)
  }

  #repeatAtMostOnce(definition: readonly IProduction[]): void {
    if (!this.#over && this.#choice(2) === 1) this.#all(definition)
  }
}

const heights = new Map<Rule, number>()

/** How deep the shortest sentence of some productions goes. */
function heightOf(productions: readonly IProduction[]): number {
  return Math.max(
    0,
    ...productions.map((production) => {
      if (production instanceof NonTerminal) return 1 + ruleHeight(production.referencedRule)
      if (production instanceof Alternation)
        return Math.min(...production.definition.map((alternative) => heightOf([alternative])))
      if (production instanceof Alternative) return heightOf(production.definition)
      if (production instanceof RepetitionMandatory || production instanceof RepetitionMandatoryWithSeparator)
        return heightOf(production.definition)
      return 0
    }),
  )
}

function ruleHeight(rule: Rule): number {
  const known = heights.get(rule)
  if (known !== undefined) return known
  heights.set(rule, 1000)
  const height = heightOf(rule.definition)
  heights.set(rule, height)
  return height
}
