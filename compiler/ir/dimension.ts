/**
 * Sizes of tensor axes: a number, or a symbolic size that is only known when the model runs.
 * A symbolic size is a whole number times named sizes (`16*batch`), which is all that reshaping needs.
 */

/** A size that depends on the input: `coefficient` times the product of `symbols` (sorted, at least one). */
export interface SymbolicDimension {
  readonly coefficient: number
  readonly symbols: readonly string[]
}

export type Dimension = number | SymbolicDimension
export type Shape = readonly Dimension[]

/** Sizes of the symbols in one run, such as `{ batch: 2, tokens: 32 }`. */
export type Bindings = Readonly<Record<string, number>>

export function symbol(name: string): SymbolicDimension {
  return { coefficient: 1, symbols: [name] }
}

export function isSymbolic(dimension: Dimension): dimension is SymbolicDimension {
  return typeof dimension !== 'number'
}

function parts(dimension: Dimension): SymbolicDimension {
  return typeof dimension === 'number' ? { coefficient: dimension, symbols: [] } : dimension
}

function whole({ coefficient, symbols }: SymbolicDimension): Dimension {
  return symbols.length === 0 || coefficient === 0 ? coefficient : { coefficient, symbols: [...symbols].sort() }
}

export function multiply(a: Dimension, b: Dimension): Dimension {
  const [x, y] = [parts(a), parts(b)]
  return whole({ coefficient: x.coefficient * y.coefficient, symbols: [...x.symbols, ...y.symbols] })
}

/** a / b, or undefined where b does not divide a whatever the symbols stand for. */
export function divide(a: Dimension, b: Dimension): Dimension | undefined {
  const [x, y] = [parts(a), parts(b)]
  if (y.coefficient === 0 || x.coefficient % y.coefficient !== 0) return undefined
  const symbols = [...x.symbols]
  for (const name of y.symbols) {
    const at = symbols.indexOf(name)
    if (at < 0) return undefined
    symbols.splice(at, 1)
  }
  return whole({ coefficient: x.coefficient / y.coefficient, symbols })
}

/** a + b, or undefined where the sum is no multiple of one product of symbols. */
export function sum(a: Dimension, b: Dimension): Dimension | undefined {
  const [x, y] = [parts(a), parts(b)]
  if (a === 0) return b
  if (b === 0) return a
  if (x.symbols.join() !== y.symbols.join()) return undefined
  return whole({ coefficient: x.coefficient + y.coefficient, symbols: x.symbols })
}

export function product(shape: Shape): Dimension {
  return shape.reduce(multiply, 1)
}

export function sameDimension(a: Dimension, b: Dimension): boolean {
  return a === b || showDimension(a) === showDimension(b)
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => sameDimension(dimension, b[axis] ?? -1))
}

export function showDimension(dimension: Dimension): string {
  if (typeof dimension === 'number') return String(dimension)
  const { coefficient, symbols } = dimension
  return coefficient === 1 ? symbols.join('*') : [coefficient, ...symbols].join('*')
}

export function showShape(shape: Shape): string {
  return `[${shape.map(showDimension).join(', ')}]`
}

/** The size in one run. Throws where a symbol has no size: the caller's own error. */
export function evaluateDimension(dimension: Dimension, bindings: Bindings): number {
  if (typeof dimension === 'number') return dimension
  return dimension.symbols.reduce((size, name) => {
    const value = bindings[name]
    if (value === undefined) throw new Error(`no size was given for the symbol ${name}`)
    return size * value
  }, dimension.coefficient)
}

export function evaluateShape(shape: Shape, bindings: Bindings): number[] {
  return shape.map((dimension) => evaluateDimension(dimension, bindings))
}
