/** Operators of blocks, on numbers and on tensors. */
import type { BinaryOperator } from '../syntax/ast.js'
import type { Span } from '../diagnostics/diagnostic.js'
import { shapesDoNotFit, tooLarge, wrongKind } from '../diagnostics/block.js'
import { divide, isSymbolic, multiply, sameDimension, showDimension, sum, type Dimension } from '../ir/dimension.js'
import type { Value } from '../ir/graph.js'
import type { Builder } from '../ops/index.js'
import { BlockFault, describe, sizeValue, yesNoValue, type BlockValue } from './values.js'

/** Applies an operator other than `and` and `or`, which do not always need both sides. */
export function operate(
  operator: BinaryOperator,
  left: BlockValue,
  right: BlockValue,
  span: Span,
  b: Builder,
): BlockValue {
  if (operator === '==' || operator === '!=') return yesNoValue(same(left, right) === (operator === '=='))
  if (left.kind === 'size' && right.kind === 'size') {
    const result = onSizes(operator, left.size, right.size, span)
    if (result.kind !== 'size' || isSymbolic(result.size) || Number.isFinite(result.size)) return result
    throw new BlockFault(tooLarge({ what: 'the result', most: Number.MAX_VALUE }), span)
  }
  if (left.kind !== 'tensor' && left.kind !== 'size') throw wrong(left, span)
  if (right.kind !== 'tensor' && right.kind !== 'size') throw wrong(right, span)
  const tensor = (value: typeof left, other: typeof left): Value => {
    if (value.kind === 'tensor') return value.tensor
    if (isSymbolic(value.size)) throw wrong(other, span)
    return b.scalar(value.size)
  }
  const [x, y] = align(tensor(left, right), tensor(right, left), b)
  switch (operator) {
    case '+':
      return { kind: 'tensor', tensor: b.add(x, y) }
    case '-':
      return { kind: 'tensor', tensor: b.sub(x, y) }
    case '*':
      return { kind: 'tensor', tensor: b.mul(x, y) }
    case '/':
      return { kind: 'tensor', tensor: b.div(x, y) }
    default:
      throw new BlockFault(
        wrongKind({
          what: `a side of \`${operator}\``,
          expected: 'a number',
          found: describe(left.kind === 'tensor' ? left : right),
        }),
        span,
      )
  }
}

function wrong(value: BlockValue, span: Span): BlockFault {
  return new BlockFault(
    wrongKind({ what: 'a side of an operator', expected: 'a number or a tensor', found: describe(value) }),
    span,
  )
}

function same(left: BlockValue, right: BlockValue): boolean {
  if (left.kind !== right.kind) return false
  if (left.kind === 'size' && right.kind === 'size') return sameDimension(left.size, right.size)
  if (left.kind === 'yesno' && right.kind === 'yesno') return left.value === right.value
  if (left.kind === 'word' && right.kind === 'word') return left.word === right.word
  return left.kind === 'none'
}

function onSizes(operator: BinaryOperator, a: Dimension, b: Dimension, span: Span): BlockValue {
  const unfit = (): never => {
    throw new BlockFault(
      shapesDoNotFit({
        message: `${showDimension(a)} ${operator} ${showDimension(b)} has no value that is known when the model is compiled`,
      }),
      span,
    )
  }
  if (operator === '*') return sizeValue(multiply(a, b))
  if (isSymbolic(a) || isSymbolic(b)) {
    if (operator === '/') return sizeValue(divide(a, b) ?? unfit())
    if (operator === '+') return sizeValue(sum(a, b) ?? unfit())
    return unfit()
  }
  switch (operator) {
    case '+':
      return sizeValue(a + b)
    case '-':
      return sizeValue(a - b)
    case '/':
      return b === 0 ? unfit() : sizeValue(a / b)
    case '%':
      return b === 0 ? unfit() : sizeValue(a % b)
    case '<':
      return yesNoValue(a < b)
    case '<=':
      return yesNoValue(a <= b)
    case '>':
      return yesNoValue(a > b)
    default:
      return yesNoValue(a >= b)
  }
}

/**
 * A vector per example ([batch, features]) meets a map ([batch, features, height, width]) at every position, and
 * tokens ([batch, tokens, features]) at every token; where the map holds several frames per example, at every frame.
 */
export function align(x: Value, y: Value, b: Builder): [Value, Value] {
  return [spread(x, y, b), spread(y, x, b)]
}

function spread(vector: Value, target: Value, b: Builder): Value {
  const [batch = 0, features = 0, ...more] = vector.type.shape
  const rank = target.type.shape.length
  if (vector.type.shape.length !== 2 || more.length > 0 || rank < 3) return vector
  const repeated = repeatFrames(vector, target.type.shape[0] ?? 0, b)
  const rows = repeated.type.shape[0] ?? batch
  const shape = rank === 3 ? [rows, 1, features] : [rows, features, ...new Array<number>(rank - 2).fill(1)]
  return b.reshape(repeated, { shape })
}

/** Repeats each example's row for each of its frames, where `rows` is a multiple of the batch. */
export function repeatFrames(x: Value, rows: Dimension, b: Builder): Value {
  const [batch = 0, ...rest] = x.type.shape
  const frames = divide(rows, batch)
  if (frames === undefined || frames === 1 || batch === 1 || isSymbolic(frames)) return x
  const repeated = b.broadcast(b.reshape(x, { shape: [batch, 1, ...rest] }), { shape: [batch, frames, ...rest] })
  return b.reshape(repeated, { shape: [rows, ...rest] })
}
