/** What the parser stumbled over, said as a person would say it, and, where it is certain, set right. */
import { createTokenInstance, type IRecognitionException, type IToken, type TokenType } from 'chevrotain'
import * as t from '../../grammar/tokens.js'
import type { Finding, Fix, Span } from '../diagnostics/diagnostic.js'
import { reservedWord, signNotNeeded, unexpectedWord } from '../diagnostics/language.js'
import { didYouMean, nearestName } from '../diagnostics/suggest.js'

export interface Mistake {
  readonly finding: Finding
  readonly span: Span
  readonly because: readonly { readonly span: Span; readonly text: string }[]
  readonly fix: Fix | undefined
  /** The tokens without the mistake, for the parser to go on with; absent where what was meant is not certain. */
  readonly repaired: readonly IToken[] | undefined
  /** Whether the parser had left all declarations, so that an earlier mistake is the likely cause. */
  readonly lost: boolean
}

/** A mistake and its surroundings. */
interface Place {
  readonly tokens: readonly IToken[]
  /** Where `found` is among the tokens. */
  readonly at: number
  readonly found: IToken
  readonly before: IToken | undefined
  /** The rules of the grammar that were open, innermost last. */
  readonly rules: readonly string[]
  /** Names of the token types that could have come. */
  readonly expected: readonly string[]
  readonly span: (from: IToken, to?: IToken) => Span
}

type Explanation = Pick<Mistake, 'finding'> & Partial<Pick<Mistake, 'span' | 'fix' | 'repaired' | 'lost'>>

/** Explains an error of the parser. `text` is the file, `tokens` what the parser was given. */
export function explain(error: IRecognitionException, path: string, text: string, tokens: readonly IToken[]): Mistake {
  const found = error.token
  const atEnd = found.tokenType.name === 'EOF'
  const at = atEnd ? tokens.length : tokens.indexOf(found)
  const span = (from: IToken, to = from): Span => ({
    file: path,
    start: from.startOffset,
    end: to.startOffset + Math.max(1, to.image.length),
  })
  const end = Math.max(0, text.trimEnd().length - 1)
  const before = tokens[at - 1]
  const expected = error.message.split('\n')
  const rules = error.context.ruleStack
  const place: Place = { tokens, at, found, before, rules, expected: expected[0] === 'EOF' ? topLevel : expected, span }
  const main = atEnd ? { file: path, start: end, end: end + 1 } : span(found)
  const explained = explanations.map((one) => one(place)).find((result) => result !== undefined) ?? plain(place)
  const apart = before !== undefined && !atEnd && text.slice(before.startOffset, found.startOffset).includes('\n')
  return {
    span: main,
    because: apart && !Number.isNaN(before.startOffset) ? [{ span: span(before), text: 'after this' }] : [],
    fix: undefined,
    repaired: undefined,
    lost: false,
    ...explained,
  }
}

const topLevel = ['import', 'model', 'block', 'train', 'sample']
/** Token types that begin a value, as opposed to those that merely go on with one. */
const beginsValue = ['Number', 'LeftParenthesis', 'LeftBracket']

function without({ tokens, at }: Place): IToken[] {
  return tokens.toSpliced(at, 1)
}

function replaced({ tokens, at, found }: Place, type: TokenType, image: string): IToken[] {
  return tokens.toSpliced(at, 1, { ...found, tokenType: type, tokenTypeIdx: type.tokenTypeIdx ?? 0, image })
}

function replacement(span: Span, text: string): Fix {
  return { title: text === '' ? 'remove it' : `write \`${text}\``, edits: [{ span, replacement: text }] }
}

function quote(token: IToken): string {
  return token.tokenType.name === 'EOF' ? 'the end of the file' : `\`${token.image.slice(0, 40)}\``
}

const readable: Readonly<Record<string, string>> = {
  Name: 'a name',
  Identifier: 'a name',
  Number: 'a number',
  String: 'a text in double quotes',
}

/** What could have come, in words. */
function wanted({ expected, rules }: Place): string[] {
  const rule = rules.at(-1)
  if (expected.length === 1 && expected[0] === 'RightBrace')
    return rule === 'body' ? ['a statement', '`}`'] : ['a property', '`}`']
  if (expected.length === 1 && expected[0] === 'RightParenthesis' && rule !== 'parenthesised') return ['`,`', '`)`']
  if (expected.length === 1 && expected[0] === 'RightBracket' && rule !== 'label') return ['`,`', '`]`']
  const value = beginsValue.filter((name) => expected.includes(name)).length > 1
  const names = value
    ? ['a value']
    : expected.map(
        (name) =>
          readable[name] ?? `\`${t.tokens.find((type) => type.name === name)?.LABEL?.replaceAll("'", '') ?? name}\``,
      )
  return names.length > 6 ? [] : [...new Set(names)]
}

function plain(place: Place, help?: string): Explanation {
  return { finding: unexpectedWord({ found: quote(place.found), expected: wanted(place), help }) }
}

/** The explanations, tried in this order. */
const explanations: readonly ((place: Place) => Explanation | undefined)[] = [
  signInSection,
  misspeltDeclaration,
  misspeltNests,
  importWithoutBraces,
  comparisonForAssignment,
  forgottenColon,
  statementIf,
  missingPart,
  wordAsName,
]

function signInSection(place: Place): Explanation | undefined {
  const { found, rules, span } = place
  const inSection = rules.at(-1) === 'section' || rules.at(-1) === 'ratio'
  if (!inSection || ![t.Equals, t.Colon, t.Comma].includes(found.tokenType)) return undefined
  return { finding: signNotNeeded({ sign: found.image }), fix: replacement(span(found), ''), repaired: without(place) }
}

/** At the top of a file only a few words can stand. */
function misspeltDeclaration(place: Place): Explanation | undefined {
  const { found, expected, tokens, at, span } = place
  if (expected !== topLevel && expected.join() !== topLevel.join()) return undefined
  const near = nearestName(found.image, topLevel)
  const type = t.tokens.find(({ name }) => name === near)
  const follows = tokens[at + 1]?.tokenType === t.Identifier || tokens[at + 1]?.tokenType === t.LeftBrace
  if (near !== undefined && type && follows) {
    const finding = unexpectedWord({
      found: quote(found),
      expected: topLevel.map((word) => `\`${word}\``),
      help: didYouMean(found.image, topLevel),
    })
    return { finding, fix: replacement(span(found), near), repaired: replaced(place, type, near) }
  }
  // Words of a text may be words of the language: a declaration begins its line.
  const begins = (i: number) => tokens[i]?.startLine !== tokens[i - 1]?.startLine
  const next = tokens.findIndex((token, i) => i > at && topLevel.includes(token.tokenType.name) && begins(i))
  return { ...plain(place), lost: true, repaired: [...tokens.slice(0, at), ...(next < 0 ? [] : tokens.slice(next))] }
}

function misspeltNests(place: Place): Explanation | undefined {
  const { found, rules, tokens, at, span } = place
  if (rules.at(-2) !== 'model' || rules.at(-1) !== 'section' || tokens[at - 2]?.tokenType !== t.Model) return undefined
  if (tokens[at + 1]?.tokenType !== t.Identifier || tokens[at + 2]?.tokenType !== t.LeftBrace) return undefined
  const finding = unexpectedWord({
    found: quote(found),
    expected: ['`nests`', '`{`'],
    help: 'an outer model is written `model NAME nests OTHER`',
  })
  return { finding, fix: replacement(span(found), 'nests'), repaired: replaced(place, t.Nests, 'nests') }
}

function importWithoutBraces({ found, rules, expected, tokens, at, span }: Place): Explanation | undefined {
  if (rules.at(-1) !== 'importStatement' || expected[0] !== 'LeftBrace' || found.tokenType !== t.Identifier)
    return undefined
  const finding = unexpectedWord({
    found: quote(found),
    expected: ['`{`'],
    help: `names to import stand in braces: import { ${found.image} } from "..."`,
  })
  if (tokens[at + 1]?.tokenType !== t.From) return { finding }
  const brace = (type: TokenType, image: string) =>
    createTokenInstance(type, image, found.startOffset, found.startOffset - 1, NaN, NaN, NaN, NaN)
  const repaired = tokens.toSpliced(at, 1, brace(t.LeftBrace, '{'), found, brace(t.RightBrace, '}'))
  return { finding, fix: replacement(span(found), `{ ${found.image} }`), repaired }
}

function comparisonForAssignment(place: Place): Explanation | undefined {
  const { found, rules, span } = place
  if (rules.at(-1) !== 'assignment' || found.image !== '==') return undefined
  const finding = unexpectedWord({
    found: quote(found),
    expected: ['`=`'],
    help: '`==` compares; a value gets its name by `=`',
  })
  return { finding, fix: replacement(span(found), '='), repaired: replaced(place, t.Equals, '=') }
}

/** `x | conv1 conv(3, 3)`: the parser takes the second word as the next statement. */
function forgottenColon({ found, rules, tokens, at, span }: Place): Explanation | undefined {
  const [bar, label, callee] = [tokens[at - 3], tokens[at - 2], tokens[at - 1]]
  if (
    rules.at(-1) !== 'assignment' ||
    !bar ||
    !label ||
    !callee ||
    bar.tokenType !== t.Pipe ||
    found.tokenType !== t.LeftParenthesis
  )
    return undefined
  const end = { ...span(label), start: span(label).end }
  const finding = unexpectedWord({
    found: quote(callee),
    expected: ['`:`'],
    help: `a layer's name has a colon behind it: ${label.image}: ${callee.image}(...)`,
  })
  const colon = createTokenInstance(t.Colon, ':', end.start, end.start - 1, NaN, NaN, NaN, NaN)
  return {
    finding,
    span: span(callee),
    fix: { title: 'add `:`', edits: [{ span: end, replacement: ':' }] },
    repaired: tokens.toSpliced(at - 1, 0, colon),
  }
}

function statementIf(place: Place): Explanation | undefined {
  if (place.rules.at(-1) !== 'body' || place.found.tokenType !== t.If) return undefined
  return plain(place, '`if` chooses between values: h = if a == b then x else y')
}

function missingPart(place: Place): Explanation | undefined {
  const { before, expected } = place
  if (expected.includes('else')) return plain(place, '`if` needs both: if a == b then x else y')
  if (expected.includes('then')) return plain(place, 'write: if a == b then x else y')
  if (expected.includes('Range')) return plain(place, '`for` needs two bounds: for i in 0..3 { ... }')
  if (before?.tokenType === t.Pipe)
    return {
      finding: unexpectedWord({
        found: quote(place.found),
        expected: ['a function or a block'],
        help: 'what stands before `|` becomes its first value',
      }),
    }
  return undefined
}

/** A word of the language where a name belongs. */
function wordAsName({ found, before, expected }: Place): Explanation | undefined {
  const name = expected.includes('Name') || expected.includes('Identifier')
  const word = /^[a-z]+$/.test(found.image) && found.tokenType !== t.Identifier && found.tokenType.name === found.image
  const begins =
    before !== undefined &&
    [t.Model, t.Block, t.Train, t.Sample, t.Nests, t.For, t.Comma, t.LeftParenthesis].includes(before.tokenType)
  return name && word && begins ? { finding: reservedWord({ word: found.image }) } : undefined
}
