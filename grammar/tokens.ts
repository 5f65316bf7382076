/** The words and signs of the language. */
import { createToken, Lexer, type TokenType } from 'chevrotain'
import { keys } from './keys.js'

/** Any word that can name something; keys count, so that a block may have a parameter called `width`. */
export const Name = createToken({ name: 'Name', pattern: Lexer.NA })
/** Words that are no key: the only words that can be values of a property. */
export const Identifier = createToken({ name: 'Identifier', pattern: /[A-Za-z_]\w*/, categories: [Name] })

const keyword = (word: string, categories: TokenType[] = []) =>
  createToken({ name: word, pattern: word, longer_alt: Identifier, categories, label: `'${word}'` })
const sign = (name: string, pattern: string) => createToken({ name, pattern, label: `'${pattern}'` })

const Space = createToken({ name: 'Space', pattern: /\s+/, group: Lexer.SKIPPED, line_breaks: true })
const Comment = createToken({ name: 'Comment', pattern: /\/\/[^\n]*/, group: 'comments' })
/** Remarks of other languages: told apart so that their words are not taken for properties. */
const ForeignRemark = createToken({
  name: 'ForeignRemark',
  pattern: /#[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?/,
  group: 'foreignRemarks',
  line_breaks: true,
})
/** A number and, right behind it, its unit: `64`, `1e-4`, `30k`, `10%`. */
export const NumberLiteral = createToken({ name: 'Number', pattern: /\d+(\.\d+)?([eE][+-]?\d+)?[A-Za-z%]*/ })
export const StringLiteral = createToken({ name: 'String', pattern: /"(?:[^"\\\n]|\\.)*"/ })

/** A text between single quotes, which the parser takes as a text. */
export const QuotedText = createToken({ name: 'QuotedText', pattern: /'[^'\n]*'/, categories: [StringLiteral] })
/** A text whose closing quotes are missing; the parser takes it as a text. */
export const UnclosedString = createToken({
  name: 'UnclosedString',
  pattern: /"(?:[^"\\\n]|\\.)*/,
  categories: [StringLiteral],
})

export const Import = keyword('import')
export const From = keyword('from')
export const Model = keyword('model')
export const Nests = keyword('nests')
export const Block = keyword('block')
export const Train = keyword('train')
export const Sample = keyword('sample')
export const Return = keyword('return')
export const Order = keyword('order')
export const For = keyword('for')
export const In = keyword('in')
export const If = keyword('if')
export const Then = keyword('then')
export const Else = keyword('else')
export const And = keyword('and')
export const Or = keyword('or')
export const Not = keyword('not')
export const Yes = keyword('yes')
export const No = keyword('no')
export const None = keyword('none')

export const LeftBrace = sign('LeftBrace', '{')
export const RightBrace = sign('RightBrace', '}')
export const LeftParenthesis = sign('LeftParenthesis', '(')
export const RightParenthesis = sign('RightParenthesis', ')')
export const LeftBracket = sign('LeftBracket', '[')
export const RightBracket = sign('RightBracket', ']')
export const Comma = sign('Comma', ',')
export const Colon = sign('Colon', ':')
export const Range = sign('Range', '..')
export const Dot = sign('Dot', '.')
export const Pipe = sign('Pipe', '|')
export const Equality = createToken({ name: 'Equality', pattern: /==|!=/, label: "'=='" })
export const Comparison = createToken({ name: 'Comparison', pattern: /<=|>=|<|>/, label: "'<'" })
export const Equals = sign('Equals', '=')
export const Minus = createToken({ name: 'Minus', pattern: '-', label: "'-'" })
export const Plus = createToken({ name: 'Plus', pattern: '+', label: "'+'" })
export const Product = createToken({ name: 'Product', pattern: /\*|\/|%/, label: "'*'" })

const keyTokens = keys.map((key) => keyword(key, [Name]))

const keywords = [
  ...[Import, From, Model, Nests, Block, Train, Sample, Return, Order, For, In, If, Then, Else, And, Or, Not],
  ...[Yes, No, None],
  ...keyTokens,
]
// The lexer takes the first token that matches, so `none` must be tried before `no`.
const lengthOf = ({ PATTERN }: TokenType) => (typeof PATTERN === 'string' ? PATTERN.length : 0)
keywords.sort((a, b) => lengthOf(b) - lengthOf(a))

/** All tokens, in the order in which the lexer tries them. */
export const tokens: TokenType[] = [
  Space,
  Comment,
  ForeignRemark,
  NumberLiteral,
  StringLiteral,
  UnclosedString,
  QuotedText,
  ...keywords,
  Identifier,
  Name,
  ...[LeftBrace, RightBrace, LeftParenthesis, RightParenthesis, LeftBracket, RightBracket, Comma, Colon],
  ...[Range, Dot, Pipe, Equality, Comparison, Equals, Minus, Plus, Product],
]

export const lexer = new Lexer(tokens, { positionTracking: 'full', ensureOptimizations: false })
