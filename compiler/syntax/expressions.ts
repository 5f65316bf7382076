/** Expressions of blocks: from the syntax tree of the parser to the abstract one. */
import type { CstNode, IToken } from 'chevrotain'
import type * as cst from '../../grammar/cst.js'
import { UnclosedString } from '../../grammar/tokens.js'
import type { Span } from '../diagnostics/diagnostic.js'
import type * as ast from './ast.js'

export class ExpressionReader {
  constructor(protected readonly path: string) {}

  protected first<T>(list: readonly T[] | undefined): T | undefined {
    return list?.[0]
  }

  protected all<T>(list: readonly T[] | undefined): readonly T[] {
    return list ?? []
  }

  protected spanOf(node: CstNode): Span {
    const start = node.location?.startOffset ?? 0
    return {
      file: this.path,
      start: Number.isNaN(start) ? 0 : start,
      end: (node.location?.endOffset ?? start) + 1 || 1,
    }
  }

  protected tokenSpan(token: IToken): Span {
    const start = Number.isNaN(token.startOffset) ? 0 : token.startOffset
    return { file: this.path, start, end: start + Math.max(1, token.image.length) }
  }

  protected named(token: IToken): ast.Named {
    return { text: token.image, span: this.tokenSpan(token) }
  }

  /** A text between double quotes; `\"` and `\\` stand for the sign itself. */
  protected text(token: IToken): ast.Named {
    return {
      text: (token.tokenType === UnclosedString ? token.image.slice(1) : token.image.slice(1, -1)).replace(
        /\\(.)/g,
        '$1',
      ),
      span: this.tokenSpan(token),
    }
  }

  protected number(node: cst.SignedNumberCstNode): ast.NumberSyntax[] {
    const token = this.first(node.children.Number)
    if (token === undefined) return []
    const [, digits = '', unit = ''] = /^([\d.]+(?:[eE][+-]?\d+)?)(.*)$/.exec(token.image) ?? []
    return [{ value: Number(digits) * (node.children.Minus ? -1 : 1), unit, span: this.spanOf(node) }]
  }

  protected optional(nodes: readonly cst.ExpressionCstNode[] | undefined): ast.Expression | undefined {
    const node = this.first(nodes)
    return node && this.expression(node)
  }

  protected expression(node: cst.ExpressionCstNode): ast.Expression {
    const span = this.spanOf(node)
    const condition = this.first(node.children.conditional)
    if (condition) {
      const [then, otherwise] = this.all(condition.children.expression)
      return {
        kind: 'if',
        condition: this.#or(this.first(condition.children.disjunction), span),
        then: then ? this.expression(then) : { kind: 'none', span },
        otherwise: otherwise ? this.expression(otherwise) : { kind: 'none', span },
        span,
      }
    }
    const pipeline = this.first(node.children.pipeline)
    let value = this.#or(this.first(pipeline?.children.disjunction), span)
    for (const stage of this.all(pipeline?.children.stage)) {
      const callee = this.first(stage.children.Name)
      if (callee === undefined) continue
      const label = this.first(stage.children.label)
      const given = this.first(stage.children.callArguments)
      value = {
        kind: 'call',
        callee: this.named(callee),
        label: label && this.#label(label),
        piped: value,
        arguments: given ? this.arguments(given) : [],
        span: this.spanOf(stage),
      }
    }
    return value
  }

  #label(node: cst.LabelCstNode): ast.LayerLabel {
    const parts: { readonly at: number; readonly part: ast.Named | { readonly index: ast.Expression } }[] = [
      ...this.all(node.children.Name).map((token) => ({ at: token.startOffset, part: this.named(token) })),
      ...this.all(node.children.expression).map((index) => ({
        at: index.location?.startOffset ?? 0,
        part: { index: this.expression(index) },
      })),
    ]
    return { parts: parts.sort((a, b) => a.at - b.at).map(({ part }) => part), span: this.spanOf(node) }
  }

  protected arguments({ children }: cst.CallArgumentsCstNode): ast.Argument[] {
    return this.all(children.argument).flatMap((node): ast.Argument[] => {
      const value = this.first(node.children.expression)
      const name = this.first(node.children.Name)
      return value === undefined ? [] : [{ name: name && this.named(name), value: this.expression(value) }]
    })
  }

  #or(node: cst.DisjunctionCstNode | undefined, span: Span): ast.Expression {
    return this.#chain(
      this.all(node?.children.conjunction).map((child) => this.#and(child)),
      () => 'or',
      span,
    )
  }

  #and(node: cst.ConjunctionCstNode): ast.Expression {
    return this.#chain(
      this.all(node.children.negation).map((child) => this.#not(child)),
      () => 'and',
      this.spanOf(node),
    )
  }

  /** Signs cancel in pairs, so that a long row of them costs no depth. */
  #not(node: cst.NegationCstNode): ast.Expression {
    const span = this.spanOf(node)
    const comparison = this.first(node.children.comparison)
    const operand: ast.Expression = comparison ? this.#comparison(comparison) : { kind: 'none', span }
    const count = this.all(node.children.not).length
    if (count === 0) return operand
    const negated: ast.Expression = { kind: 'unary', operator: 'not', operand, span }
    return count % 2 === 1 ? negated : { kind: 'unary', operator: 'not', operand: negated, span }
  }

  #comparison(node: cst.ComparisonCstNode): ast.Expression {
    const operator = this.first(node.children.Equality) ?? this.first(node.children.Comparison)
    return this.#chain(
      this.all(node.children.addition).map((child) => this.#addition(child)),
      () => (operator?.image ?? '==') as ast.BinaryOperator,
      this.spanOf(node),
    )
  }

  #addition(node: cst.AdditionCstNode): ast.Expression {
    const operators = [...this.all(node.children.Plus), ...this.all(node.children.Minus)].sort(
      (a, b) => a.startOffset - b.startOffset,
    )
    return this.#chain(
      this.all(node.children.multiplication).map((child) => this.#multiplication(child)),
      (i) => (operators[i]?.image === '-' ? '-' : '+'),
      this.spanOf(node),
    )
  }

  #multiplication(node: cst.MultiplicationCstNode): ast.Expression {
    const operators = this.all(node.children.Product)
    return this.#chain(
      this.all(node.children.unary).map((child) => this.#unary(child)),
      (i) => (operators[i]?.image ?? '*') as ast.BinaryOperator,
      this.spanOf(node),
    )
  }

  /** Operands joined from the left. */
  #chain(
    operands: readonly ast.Expression[],
    operator: (index: number) => ast.BinaryOperator,
    span: Span,
  ): ast.Expression {
    const [head, ...rest] = operands
    return rest.reduce<ast.Expression>(
      (left, right, i) => ({
        kind: 'binary',
        operator: operator(i),
        left,
        right,
        span: { ...left.span, end: Math.max(left.span.end, right.span.end) },
      }),
      head ?? { kind: 'none', span },
    )
  }

  #unary(node: cst.UnaryCstNode): ast.Expression {
    const span = this.spanOf(node)
    const primary = this.first(node.children.primary)
    const operand: ast.Expression = primary ? this.#primary(primary) : { kind: 'none', span }
    return this.all(node.children.Minus).length % 2 === 1 ? { kind: 'unary', operator: '-', operand, span } : operand
  }

  #primary(node: cst.PrimaryCstNode): ast.Expression {
    const span = this.spanOf(node)
    const { Number: number, yes, no, shapeLiteral, parenthesised, nameOrCall } = node.children
    const literal = this.first(number)
    if (literal) return { kind: 'number', value: Number(literal.image), span }
    if (yes ?? no) return { kind: 'yesno', value: yes !== undefined, span }
    const shape = this.first(shapeLiteral)
    if (shape)
      return { kind: 'shape', items: this.all(shape.children.expression).map((item) => this.expression(item)), span }
    const inside = this.first(this.first(parenthesised)?.children.expression)
    if (inside) return { ...this.expression(inside), span }
    const call = this.first(nameOrCall)
    const name = this.first(call?.children.Name)
    if (!call || !name) return { kind: 'none', span }
    const given = this.first(call.children.callArguments)
    if (!given) return { kind: 'name', name: name.image, span }
    return {
      kind: 'call',
      callee: this.named(name),
      label: undefined,
      piped: undefined,
      arguments: this.arguments(given),
      span,
    }
  }
}
