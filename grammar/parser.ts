/** Text to concrete syntax tree. Errors are recovered from, so that one run reports several. */
import {
  CstParser,
  type CstNode,
  type ILexingError,
  type IParserErrorMessageProvider,
  type IRecognitionException,
  type IToken,
  type TokenType,
} from 'chevrotain'
import { balance, type BracketProblem } from './brackets.js'
import { takesName } from './keys.js'
import { tooDeep } from './depth.js'
import * as t from './tokens.js'

/** Names of token types, one on a line: the only way in which the parser hands on what it expected. */
const namesOf = (types: readonly (TokenType | undefined)[]) =>
  [...new Set(types.map((type) => type?.name ?? ''))].join('\n')

const expectedNames: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => namesOf([expected]),
  buildNotAllInputParsedMessage: () => namesOf([t.Import, t.Model, t.Block, t.Train, t.Sample]),
  buildNoViableAltMessage: ({ expectedPathsPerAlt }) => namesOf(expectedPathsPerAlt.flat().map((path) => path[0])),
  buildEarlyExitMessage: ({ expectedIterationPaths }) => namesOf(expectedIterationPaths.map((path) => path[0])),
}

class MdmParser extends CstParser {
  constructor() {
    super(t.tokens, {
      recoveryEnabled: true,
      nodeLocationTracking: 'onlyOffset',
      maxLookahead: 2,
      skipValidations: true,
      errorMessageProvider: expectedNames,
    })
    this.performSelfAnalysis()
  }

  file = this.RULE('file', () => {
    this.MANY(() =>
      this.OR([
        { ALT: () => this.SUBRULE(this.importStatement) },
        { ALT: () => this.SUBRULE(this.model) },
        { ALT: () => this.SUBRULE(this.block) },
        { ALT: () => this.SUBRULE(this.settings) },
      ]),
    )
  })

  importStatement = this.RULE('importStatement', () => {
    this.CONSUME(t.Import)
    this.CONSUME(t.LeftBrace)
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Name) })
    this.CONSUME(t.RightBrace)
    this.CONSUME(t.From)
    this.CONSUME(t.StringLiteral)
  })

  model = this.RULE('model', () => {
    this.CONSUME(t.Model)
    this.CONSUME(t.Name)
    this.OPTION(() => {
      this.CONSUME(t.Nests)
      this.CONSUME2(t.Name)
    })
    this.SUBRULE(this.section)
  })

  /** `train NAME { ... }` and `sample NAME { ... }`. */
  settings = this.RULE('settings', () => {
    this.OR([{ ALT: () => this.CONSUME(t.Train) }, { ALT: () => this.CONSUME(t.Sample) }])
    this.CONSUME(t.Name)
    this.SUBRULE(this.section)
  })

  section = this.RULE('section', () => {
    this.CONSUME(t.LeftBrace)
    this.MANY(() => this.SUBRULE(this.property))
    this.CONSUME(t.RightBrace)
  })

  property = this.RULE('property', () => {
    const key = this.CONSUME(t.Name)
    this.OPTION({
      GATE: () => this.LA(1).tokenType !== t.Identifier && takesName(key.image),
      DEF: () => this.SUBRULE(this.word),
    })
    this.MANY(() => this.SUBRULE(this.value))
    this.OPTION2(() => this.SUBRULE(this.section))
  })

  /** A name spelt like a key, where only a name can stand: `micro width 512`. */
  word = this.RULE('word', () => {
    this.CONSUME(t.Name)
    this.OPTION(() => this.SUBRULE(this.callArguments))
  })

  value = this.RULE('value', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.ratio) },
      { ALT: () => this.CONSUME(t.StringLiteral) },
      { ALT: () => this.CONSUME(t.Yes) },
      { ALT: () => this.CONSUME(t.No) },
      { ALT: () => this.CONSUME(t.None) },
      { ALT: () => this.SUBRULE(this.list) },
      { ALT: () => this.SUBRULE(this.reference) },
    ])
  })

  /** A number, or numbers in proportion: `2:1`. */
  ratio = this.RULE('ratio', () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Colon, DEF: () => this.SUBRULE(this.signedNumber) })
  })

  signedNumber = this.RULE('signedNumber', () => {
    this.OPTION(() => this.CONSUME(t.Minus))
    this.CONSUME(t.NumberLiteral)
  })

  list = this.RULE('list', () => {
    this.CONSUME(t.LeftBracket)
    this.MANY_SEP({
      SEP: t.Comma,
      DEF: () => {
        this.OR([{ ALT: () => this.SUBRULE(this.signedNumber) }, { ALT: () => this.CONSUME(t.StringLiteral) }])
      },
    })
    this.CONSUME(t.RightBracket)
  })

  /** A word, or a block with arguments: `text`, `my_block(groups: 16)`. */
  reference = this.RULE('reference', () => {
    this.CONSUME(t.Identifier)
    this.OPTION(() => this.SUBRULE(this.callArguments))
  })

  block = this.RULE('block', () => {
    this.CONSUME(t.Block)
    this.CONSUME(t.Name)
    this.CONSUME(t.LeftParenthesis)
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.blockParameter) })
    this.CONSUME(t.RightParenthesis)
    this.SUBRULE(this.body)
  })

  blockParameter = this.RULE('blockParameter', () => {
    this.CONSUME(t.Name)
    this.OPTION(() => {
      this.CONSUME(t.Equals)
      this.SUBRULE(this.expression)
    })
  })

  body = this.RULE('body', () => {
    this.CONSUME(t.LeftBrace)
    this.MANY(() => this.SUBRULE(this.statement))
    this.CONSUME(t.RightBrace)
  })

  statement = this.RULE('statement', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.returnStatement) },
      { ALT: () => this.SUBRULE(this.orderStatement) },
      { ALT: () => this.SUBRULE(this.forStatement) },
      { ALT: () => this.SUBRULE(this.assignment) },
    ])
  })

  returnStatement = this.RULE('returnStatement', () => {
    this.CONSUME(t.Return)
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expression) })
  })

  /** The order in which a checkpoint lists the layers, where it is not the order of use. */
  orderStatement = this.RULE('orderStatement', () => {
    this.CONSUME(t.Order)
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Name) })
  })

  forStatement = this.RULE('forStatement', () => {
    this.CONSUME(t.For)
    this.CONSUME(t.Name)
    this.CONSUME(t.In)
    this.SUBRULE(this.expression)
    this.CONSUME(t.Range)
    this.SUBRULE2(this.expression)
    this.SUBRULE(this.body)
  })

  assignment = this.RULE('assignment', () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Name) })
    this.CONSUME(t.Equals)
    this.SUBRULE(this.expression)
  })

  expression = this.RULE('expression', () => {
    this.OR([{ ALT: () => this.SUBRULE(this.conditional) }, { ALT: () => this.SUBRULE(this.pipeline) }])
  })

  conditional = this.RULE('conditional', () => {
    this.CONSUME(t.If)
    this.SUBRULE(this.disjunction)
    this.CONSUME(t.Then)
    this.SUBRULE(this.expression)
    this.CONSUME(t.Else)
    this.SUBRULE2(this.expression)
  })

  pipeline = this.RULE('pipeline', () => {
    this.SUBRULE(this.disjunction)
    this.MANY(() => {
      this.CONSUME(t.Pipe)
      this.SUBRULE(this.stage)
    })
  })

  /** One step of a pipeline; `name:` names a layer in the checkpoint. */
  stage = this.RULE('stage', () => {
    this.OPTION({ GATE: () => this.isLabel(), DEF: () => this.SUBRULE(this.label) })
    this.CONSUME(t.Name)
    this.OPTION2(() => this.SUBRULE(this.callArguments))
  })

  label = this.RULE('label', () => {
    this.CONSUME(t.Name)
    this.MANY(() =>
      this.OR([
        {
          ALT: () => {
            this.CONSUME(t.Dot)
            this.CONSUME2(t.Name)
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.LeftBracket)
            this.SUBRULE(this.expression)
            this.CONSUME(t.RightBracket)
          },
        },
      ]),
    )
    this.CONSUME(t.Colon)
  })

  /** A stage begins with a label if what follows its name is neither an argument list nor another stage. */
  private isLabel(): boolean {
    const next = this.LA(2).tokenType
    return next === t.Colon || next === t.Dot || next === t.LeftBracket
  }

  disjunction = this.RULE('disjunction', () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Or, DEF: () => this.SUBRULE(this.conjunction) })
  })

  conjunction = this.RULE('conjunction', () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.And, DEF: () => this.SUBRULE(this.negation) })
  })

  /** `not` takes a whole comparison: `not a == b`. */
  negation = this.RULE('negation', () => {
    this.MANY(() => this.CONSUME(t.Not))
    this.SUBRULE(this.comparison)
  })

  comparison = this.RULE('comparison', () => {
    this.SUBRULE(this.addition)
    this.OPTION(() => {
      this.OR([{ ALT: () => this.CONSUME(t.Equality) }, { ALT: () => this.CONSUME(t.Comparison) }])
      this.SUBRULE2(this.addition)
    })
  })

  addition = this.RULE('addition', () => {
    this.SUBRULE(this.multiplication)
    this.MANY(() => {
      this.OR([{ ALT: () => this.CONSUME(t.Plus) }, { ALT: () => this.CONSUME(t.Minus) }])
      this.SUBRULE2(this.multiplication)
    })
  })

  multiplication = this.RULE('multiplication', () => {
    this.SUBRULE(this.unary)
    this.MANY(() => {
      this.CONSUME(t.Product)
      this.SUBRULE2(this.unary)
    })
  })

  unary = this.RULE('unary', () => {
    this.MANY(() => this.CONSUME(t.Minus))
    this.SUBRULE(this.primary)
  })

  primary = this.RULE('primary', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.NumberLiteral) },
      { ALT: () => this.CONSUME(t.Yes) },
      { ALT: () => this.CONSUME(t.No) },
      { ALT: () => this.CONSUME(t.None) },
      { ALT: () => this.SUBRULE(this.shapeLiteral) },
      { ALT: () => this.SUBRULE(this.parenthesised) },
      { ALT: () => this.SUBRULE(this.nameOrCall) },
    ])
  })

  /** Sizes of axes: `[channels(x), 3]`. */
  shapeLiteral = this.RULE('shapeLiteral', () => {
    this.CONSUME(t.LeftBracket)
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expression) })
    this.CONSUME(t.RightBracket)
  })

  parenthesised = this.RULE('parenthesised', () => {
    this.CONSUME(t.LeftParenthesis)
    this.SUBRULE(this.expression)
    this.CONSUME(t.RightParenthesis)
  })

  nameOrCall = this.RULE('nameOrCall', () => {
    this.CONSUME(t.Name)
    this.OPTION(() => this.SUBRULE(this.callArguments))
  })

  callArguments = this.RULE('callArguments', () => {
    this.CONSUME(t.LeftParenthesis)
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.argument) })
    this.CONSUME(t.RightParenthesis)
  })

  argument = this.RULE('argument', () => {
    this.OPTION({
      GATE: () => this.LA(2).tokenType === t.Colon,
      DEF: () => {
        this.CONSUME(t.Name)
        this.CONSUME(t.Colon)
      },
    })
    this.SUBRULE(this.expression)
  })
}

export const parser = new MdmParser()

export interface ParseResult {
  /** Whole or, after errors, as much as could be recovered; absent only where nothing could. */
  readonly tree: CstNode | undefined
  /** All tokens, with brackets set right. */
  readonly tokens: readonly IToken[]
  readonly comments: readonly IToken[]
  /** Remarks as other languages write them, which are none here. */
  readonly foreignRemarks: readonly IToken[]
  readonly lexingErrors: readonly ILexingError[]
  readonly bracketProblems: readonly BracketProblem[]
  readonly parsingErrors: readonly IRecognitionException[]
  /** Set where brackets or conditions are nested deeper than any sensible file does. */
  readonly tooDeepAt: number | undefined
}

/** Parses a text; its brackets are set right first. */
export function parse(text: string): ParseResult {
  const { tokens: written, groups, errors: lexingErrors } = t.lexer.tokenize(text)
  const comments = groups.comments ?? []
  const foreignRemarks = groups.foreignRemarks ?? []
  const { tokens, problems: bracketProblems } = balance(written, text)
  const tooDeepAt = tooDeep(written)?.startOffset
  const { tree, parsingErrors } = tooDeepAt === undefined ? parseTokens(tokens) : { tree: undefined, parsingErrors: [] }
  return { tree, tokens, comments, foreignRemarks, lexingErrors, bracketProblems, parsingErrors, tooDeepAt }
}

/** Whether anything is wrong with how the text is written. */
export function hasMistakes({
  tokens,
  foreignRemarks,
  lexingErrors,
  bracketProblems,
  parsingErrors,
  tooDeepAt,
}: ParseResult): boolean {
  const problems = foreignRemarks.length + lexingErrors.length + bracketProblems.length + parsingErrors.length
  return (
    problems > 0 ||
    tooDeepAt !== undefined ||
    tokens.some(({ tokenType }) => tokenType === t.UnclosedString || tokenType === t.QuotedText)
  )
}

/** Parses tokens, perhaps after a repair. */
export function parseTokens(tokens: readonly IToken[]): Pick<ParseResult, 'tree' | 'parsingErrors'> {
  parser.input = [...tokens]
  const tree = parser.file()
  return { tree, parsingErrors: [...parser.errors] }
}
