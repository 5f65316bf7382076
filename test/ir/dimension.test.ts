/** Arithmetic of sizes, known and symbolic. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  divide,
  evaluateDimension,
  multiply,
  sameDimension,
  showDimension,
  sum,
  type Dimension,
} from '../../compiler/ir/dimension.js'

const bindings = { batch: 3, tokens: 5 }
const dimension: fc.Arbitrary<Dimension> = fc
  .record({ coefficient: fc.integer({ min: 1, max: 12 }), symbols: fc.subarray(['batch', 'tokens']) })
  .map(({ coefficient, symbols }) => (symbols.length === 0 ? coefficient : { coefficient, symbols }))
const value = (size: Dimension) => evaluateDimension(size, bindings)

describe('dimensions', () => {
  it('multiply, divide and add as their values do', () => {
    const property = fc.property(dimension, dimension, (a, b) => {
      expect(value(multiply(a, b))).toBe(value(a) * value(b))
      expect(sameDimension(multiply(a, b), multiply(b, a))).toBe(true)
      const back = divide(multiply(a, b), b)
      expect(back !== undefined && sameDimension(back, a)).toBe(true)
      const quotient = divide(a, b)
      if (quotient !== undefined) expect(value(quotient)).toBe(value(a) / value(b))
      const total = sum(a, b)
      if (total !== undefined) expect(value(total)).toBe(value(a) + value(b))
    })
    fc.assert(property, { seed: 1 })
  })

  it('are shown as products', () => {
    expect(
      showDimension(
        multiply(16, multiply({ coefficient: 1, symbols: ['tokens'] }, { coefficient: 1, symbols: ['batch'] })),
      ),
    ).toBe('16*batch*tokens')
  })

  it("without a size are the caller's fault", () => {
    expect(() => evaluateDimension({ coefficient: 1, symbols: ['frames'] }, bindings)).toThrow('frames')
  })
})
