/** Values that a constructor knows: an expression over its parameters, and what it is in each instance. */
import type { BlockValue } from '../../compiler/build/values.js'
import { isSymbolic } from '../../compiler/ir/dimension.js'
import { atom, literal, type Py } from './python.js'

export type Scalar = number | boolean

export interface Static {
  readonly py: Py
  /** By instance; undefined where an instance does not come to it. */
  readonly values: readonly (Scalar | undefined)[]
}

export function scalarOf(value: BlockValue | undefined): Scalar | undefined {
  if (value?.kind === 'yesno') return value.value
  return value?.kind === 'size' && !isSymbolic(value.size) ? value.size : undefined
}

/** The one value of a list; undefined where there is none or more than one. */
export function only<T>(values: readonly T[]): T | undefined {
  const [first, ...more] = new Set(values)
  return more.length === 0 ? first : undefined
}

export function constant(value: Scalar, instances: number): Static {
  return { py: literal(value), values: new Array<Scalar>(instances).fill(value) }
}

/** Whether two statics are the same number in every instance that comes to both. */
export function agree(a: readonly (Scalar | undefined)[], b: readonly (Scalar | undefined)[]): boolean {
  return a.every((value, i) => value === undefined || b[i] === undefined || value === b[i])
}

export function mapStatic(
  operands: readonly Static[],
  py: Py,
  f: (...values: Scalar[]) => Scalar | undefined,
): Static | undefined {
  const count = operands[0]?.values.length ?? 0
  const values = Array.from({ length: count }, (_, i) => {
    const given = operands.map((one) => one.values[i])
    return given.some((value) => value === undefined) ? undefined : f(...(given as Scalar[]))
  })
  return { py, values }
}

/** A parameter of a constructor. */
export class ConstructorParameter implements Static {
  /** Whether it is a share or a factor even where its value is a whole number. */
  isFloat = false

  constructor(
    readonly name: string,
    readonly values: readonly (Scalar | undefined)[],
    /** The value that the block's definition gives it where nobody says otherwise. */
    readonly hasDefault: boolean,
  ) {}

  get py(): Py {
    return atom(this.name)
  }

  get type(): 'bool' | 'int' | 'float' {
    const known = this.values.filter((value) => value !== undefined)
    if (known.every((value) => typeof value === 'boolean') && known.length > 0) return 'bool'
    return this.isFloat || known.some((value) => !Number.isInteger(value)) ? 'float' : 'int'
  }

  /** The value in all instances, where that is worth being a default. */
  get fallback(): Scalar | undefined {
    const value = only(this.values.filter((one) => one !== undefined))
    return this.hasDefault || this.values.length > 1 ? value : undefined
  }

  show(value: Scalar): string {
    const text = literal(value).text
    return this.type === 'float' && Number.isInteger(value) ? `${text}.0` : text
  }
}
