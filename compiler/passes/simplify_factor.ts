/** Products with constants: which factor a node multiplies by, and merging two where no digit can change. */
import { constantOf, type Node, type Value } from '../ir/graph.js'
import { sameType } from '../ir/tensor.js'
import type { Builder } from '../ops/index.js'

/** The number that a constant holds everywhere, or undefined. */
export function uniform(value: Value): number | undefined {
  const data = constantOf(value)?.data
  const first = data?.[0]
  return data?.every((number) => number === first) === true ? first : undefined
}

interface Product {
  readonly x: Value
  readonly factor: number
}

/** Reads x * c, c * x or, where 1 / c is exact, x / c. */
function productOf(node: Node): Product | undefined {
  const { a, b } = node.inputs
  if (a === undefined || b === undefined || (node.op !== 'mul' && node.op !== 'div')) return undefined
  const right = uniform(b)
  if (right !== undefined && sameType(a.type, node.type)) {
    if (node.op === 'mul') return { x: a, factor: right }
    return isPowerOfTwo(right) ? { x: a, factor: 1 / right } : undefined
  }
  const left = uniform(a)
  return node.op === 'mul' && left !== undefined && sameType(b.type, node.type) ? { x: b, factor: left } : undefined
}

/** A factor of moderate size that only moves the exponent: multiplying by it rounds nothing. */
function isPowerOfTwo(factor: number): boolean {
  const exponent = Math.log2(Math.abs(factor))
  return Number.isInteger(exponent) && Math.abs(exponent) <= 32
}

/** (x * c) * d = x * (c d), exact in float32 where c or d is a power of two. */
export function mergeFactors(node: Node, b: Builder): Value | undefined {
  const outer = productOf(node)
  const inner = outer && productOf(outer.x)
  if (outer === undefined || inner === undefined) return undefined
  const exact = isPowerOfTwo(outer.factor) || isPowerOfTwo(inner.factor)
  const factor = outer.factor * inner.factor
  return exact && Math.fround(factor) === factor ? b.mul(inner.x, factor) : undefined
}
