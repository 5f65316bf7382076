/** Refuses nesting that no sensible file has, because each level of it costs stack. */
import type { IToken, TokenType } from 'chevrotain'
import * as t from './tokens.js'

/** Brackets and conditions open at one place. */
const deepest = 50
/** Operators that one value is made with. */
const longest = 500

const openers: ReadonlySet<TokenType> = new Set([t.LeftBrace, t.LeftBracket, t.LeftParenthesis])
const closers: ReadonlySet<TokenType> = new Set([t.RightBrace, t.RightBracket, t.RightParenthesis])
const operators: ReadonlySet<TokenType> = new Set([
  t.Pipe,
  t.Plus,
  t.Minus,
  t.Product,
  t.Equality,
  t.Comparison,
  t.And,
  t.Or,
])
/** What begins another value at the same level. */
const separators: ReadonlySet<TokenType> = new Set([t.Comma, t.Equals, t.Return, t.Order, t.For, t.Colon, t.Range])

/** The first token that is nested too deeply. */
export function tooDeep(tokens: readonly IToken[]): IToken | undefined {
  const outer: { readonly conditions: number; readonly steps: number }[] = []
  let [conditions, steps] = [0, 0]
  let [allConditions, allSteps] = [0, 0]
  for (const token of tokens) {
    const type = token.tokenType
    if (openers.has(type)) {
      outer.push({ conditions, steps })
      ;[conditions, steps] = [0, 0]
    } else if (closers.has(type) || separators.has(type)) {
      allConditions -= conditions
      allSteps -= steps
      const back = closers.has(type) ? outer.pop() : undefined
      ;[conditions, steps] = back ? [back.conditions, back.steps] : [0, 0]
    } else if (type === t.If) {
      conditions++
      allConditions++
    } else if (operators.has(type)) {
      steps++
      allSteps++
    }
    if (outer.length + allConditions > deepest || allSteps > longest) return token
  }
  return undefined
}
