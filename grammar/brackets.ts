/** Finds brackets that nothing closes and closing signs that close nothing, and sets the tokens right for the parser. */
import { createTokenInstance, type IToken, type TokenType } from 'chevrotain'
import * as t from './tokens.js'

export interface BracketProblem {
  readonly kind: 'unclosed' | 'stray'
  /** The opening sign without an end, or the closing sign without a beginning. */
  readonly token: IToken
  /** Where the missing sign belongs: before this token; undefined: at the end of the file. */
  readonly before?: IToken
}

const closerOf = new Map<TokenType, TokenType>([
  [t.LeftBrace, t.RightBrace],
  [t.LeftParenthesis, t.RightParenthesis],
  [t.LeftBracket, t.RightBracket],
])
const closers = new Set(closerOf.values())
const declarations: ReadonlySet<TokenType> = new Set([t.Import, t.Model, t.Block, t.Train, t.Sample])
const statements: ReadonlySet<TokenType> = new Set([t.Return, t.Order, t.For])

/** The signs of a closing token as they are written. */
export function closingSign(opener: IToken): string {
  return opener.image === '{' ? '}' : opener.image === '(' ? ')' : ']'
}

function balanced(tokens: readonly IToken[]): boolean {
  const open: TokenType[] = []
  for (const { tokenType } of tokens) {
    const closer = closerOf.get(tokenType)
    if (closer) open.push(closer)
    else if (closers.has(tokenType) && open.pop() !== tokenType) return false
  }
  return open.length === 0
}

/**
 * The tokens with every bracket closed. Which bracket lacks its end is told from how lines are indented; a file whose
 * brackets match is left alone however it is indented.
 */
export function balance(
  tokens: IToken[],
  text: string,
): { readonly tokens: IToken[]; readonly problems: readonly BracketProblem[] } {
  if (balanced(tokens)) return { tokens, problems: [] }
  let indent = 0
  const open: { readonly token: IToken; readonly indent: number }[] = []
  const result: IToken[] = []
  const problems: BracketProblem[] = []
  const close = (before: IToken | undefined) => {
    const last = open.pop()
    const type = last && closerOf.get(last.token.tokenType)
    if (!last || !type) return
    problems.push({ kind: 'unclosed', token: last.token, ...(before ? { before } : {}) })
    const at = before?.startOffset ?? text.length
    result.push(createTokenInstance(type, closingSign(last.token), at, at - 1, NaN, NaN, NaN, NaN))
  }
  for (const [i, token] of tokens.entries()) {
    const first = token.startLine !== tokens[i - 1]?.startLine
    if (first) indent = (token.startColumn ?? 1) - 1
    const top = () => open.at(-1)
    const type = token.tokenType
    if (closers.has(type)) {
      const matches = (entry: { readonly token: IToken }) => closerOf.get(entry.token.tokenType) === type
      const within =
        type === t.RightBrace
          ? open
          : open.slice(open.findLastIndex((entry) => entry.token.tokenType === t.LeftBrace) + 1)
      // `(x))])`: the sign behind it closes what is open, so this one is too many.
      const last = top()
      const superfluous = last && !matches(last) && closerOf.get(last.token.tokenType) === tokens[i + 1]?.tokenType
      if (superfluous || !within.some(matches)) {
        problems.push({ kind: 'stray', token })
        continue
      }
      for (let last = top(); last && !matches(last); last = top()) close(token)
      if (first && open.some((entry) => matches(entry) && entry.indent <= indent)) {
        for (let last = top(); last && last.indent > indent; last = top()) close(token)
      }
      open.pop()
    } else {
      if (declarations.has(type)) while (top()) close(token)
      if (statements.has(type) || type === t.LeftBrace)
        while (top() && top()?.token.tokenType !== t.LeftBrace) close(token)
      if (first)
        for (let last = top(); last && last.indent >= indent && last.token.startLine !== token.startLine; last = top())
          close(token)
      if (closerOf.has(type)) open.push({ token, indent })
    }
    result.push(token)
  }
  while (open.length > 0) close(undefined)
  return { tokens: result, problems }
}
