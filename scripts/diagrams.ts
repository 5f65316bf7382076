/** The grammar as pictures: one page of SVG that needs nothing from elsewhere. */
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
import rail, { type Piece } from 'railroad-diagrams'

/** What stands in the picture for words and numbers of the user's. */
const classes: Readonly<Record<string, string>> = {
  Name: 'name',
  Identifier: 'name that is no key',
  Number: 'number',
  String: '"text"',
}
/** Signs that one token stands for. */
const signs: Readonly<Record<string, readonly string[]>> = {
  Equality: ['==', '!='],
  Comparison: ['<', '<=', '>', '>='],
  Product: ['*', '/', '%'],
}

function ofToken({ name, PATTERN }: TokenType): Piece {
  const known = classes[name]
  if (known !== undefined) return rail.NonTerminal(known)
  const several = signs[name]
  if (several) return rail.Choice(0, ...several.map((sign) => rail.Terminal(sign)))
  return rail.Terminal(typeof PATTERN === 'string' ? PATTERN : name)
}

function ofAll(productions: readonly IProduction[]): Piece {
  const [first, ...more] = productions.map(ofOne)
  return first && more.length === 0 ? first : rail.Sequence(...(first ? [first] : []), ...more)
}

function ofOne(production: IProduction): Piece {
  if (production instanceof Terminal) return ofToken(production.terminalType)
  if (production instanceof NonTerminal) return rail.NonTerminal(spoken(production.nonTerminalName))
  if (production instanceof Alternation) return rail.Choice(0, ...production.definition.map(ofOne))
  if (production instanceof Alternative) return ofAll(production.definition)
  if (production instanceof Option) return rail.Optional(ofAll(production.definition))
  if (production instanceof Repetition) return rail.ZeroOrMore(ofAll(production.definition))
  if (production instanceof RepetitionMandatory) return rail.OneOrMore(ofAll(production.definition))
  if (production instanceof RepetitionWithSeparator)
    return rail.ZeroOrMore(ofAll(production.definition), ofToken(production.separator))
  if (production instanceof RepetitionMandatoryWithSeparator)
    return rail.OneOrMore(ofAll(production.definition), ofToken(production.separator))
  throw new Error('the grammar has a kind of production that the diagrams do not know')
}

/** `forStatement` as `for statement`. */
function spoken(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
h2 { font-size: 1rem; margin: 2rem 0 0 }
svg { max-width: 100%; height: auto }
path { stroke: #555; stroke-width: 2; fill: none }
text { font: 14px ui-monospace, monospace; text-anchor: middle; fill: #222 }
rect { stroke: #555; stroke-width: 1.5; fill: #eef4ea }
rect:not([rx]) { fill: #e8eef8 }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #1b1b1b }
  text { fill: #ddd }
  path, rect { stroke: #999 }
  rect { fill: #2c3a27 }
  rect:not([rx]) { fill: #26324a }
}`

/** A page with a diagram of each rule, in the order of the grammar. */
export function diagrams(rules: readonly Rule[]): string {
  const sections = rules.map(
    ({ name, definition }) => `<h2 id="${name}">${spoken(name)}</h2>\n${String(rail.Diagram(ofAll(definition)))}`,
  )
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The syntax of .mdm files</title>
<style>${style}
</style>
<h1>The syntax of .mdm files</h1>
<p>Generated from <code>grammar/parser.ts</code> by <code>npm run grammar</code>. Spaces, line ends and remarks
(<code>// ...</code>) may stand between any two parts. Round boxes are written as they stand; square ones are other
rules, names, numbers and texts.</p>
${sections.join('\n')}
</html>
`
}
