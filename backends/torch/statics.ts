/** What constructors can say of a block's values: numbers, conditions, and how many features a tensor has. */
import type * as ast from '../../compiler/syntax/ast.js'
import { isSymbolic } from '../../compiler/ir/dimension.js'
import { binary, conditional, literal, not, type Py } from './python.js'
import { agree, constant, mapStatic, only, scalarOf, type Scalar, type Static } from './static.js'
import type { Body, Call, Expression } from './translate.js'

/** Functions that leave the number of features as it is. */
const keepsFeatures =
  'group_norm layer_norm normalize silu gelu relu sigmoid tanh softmax exp log sqrt sin cos dropout upsample'.split(' ')

export function staticValue(body: Body): Statics {
  return new Statics(body)
}

class Statics {
  constructor(private readonly body: Body) {}

  /** An expression that is a number or yes or no; undefined where the constructor cannot work it out. */
  of(e: Expression): Static | undefined {
    const found = this.#derived(e)
    const seen = this.#seen(e)
    return found && (seen === undefined || agree(seen, found.values)) ? found : undefined
  }

  /** As `of`; where nothing says it, the number itself or a parameter of that name. */
  number(e: Expression, hint: string): Static {
    return this.of(e) ?? this.matching(this.#seen(e) ?? this.body.refuse('this number', e.span), hint)
  }

  /** A number by its values: a number of features that is known, the same number everywhere, or a parameter for it. */
  matching(values: readonly (Scalar | undefined)[], hint: string, guess?: Static): Static {
    const { host } = this.body
    // The same number everywhere may be the same by chance, but for features of what comes in.
    const varies = ({ values: own }: Static) => only(own.filter((value) => value !== undefined)) === undefined
    const known = this.#knownFeatures().flatMap(({ name, features }) =>
      name === 'x' || varies(features) ? [features] : [],
    )
    const candidates = [...(guess ? [guess] : []), ...known]
    const found = candidates.find((candidate) => agree(values, candidate.values) && agree(candidate.values, values))
    if (found) return found
    const same = only(values.filter((value) => value !== undefined))
    if (same !== undefined) return constant(same, host.instances)
    return host.extraParameter(hint, values)
  }

  /** Features of the tensors that the block is given. */
  #knownFeatures(): { readonly name: string; readonly features: Static }[] {
    return this.body.block.parameters.flatMap(({ name: { text } }) => {
      const features = this.#featuresOfName(text)
      return features ? [{ name: text, features }] : []
    })
  }

  condition(e: Expression): Py {
    const seen = this.#seen(e)
    return (this.of(e) ?? this.matching(seen ?? [], 'variant')).py
  }

  /** By instance; undefined where a turn of a loop says something else than another. */
  #seen(e: Expression): (Scalar | undefined)[] | undefined {
    const seen = this.body.seen(e).map((values) => values.map(scalarOf))
    return seen.some((values) => new Set(values).size > 1) ? undefined : seen.map((values) => values[0])
  }

  #derived(e: Expression): Static | undefined {
    const { body } = this
    switch (e.kind) {
      case 'number':
        return constant(e.value, body.host.instances)
      case 'yesno':
        return constant(e.value, body.host.instances)
      case 'name':
        return this.#name(e.name)
      case 'unary': {
        const operand = this.of(e.operand)
        if (!operand) return undefined
        return e.operator === 'not'
          ? mapStatic([operand], not(operand.py), (a) => !a)
          : mapStatic([operand], binary('-', literal(0), operand.py), (a) => -Number(a))
      }
      case 'if':
        return this.#if(e)
      case 'binary':
        return this.#binary(e)
      case 'call':
        return this.#size(e)
      default:
        return undefined
    }
  }

  #name(name: string): Static | undefined {
    const { body } = this
    const binding = body.bindings.get(name)
    if (binding?.kind === 'number') return constant(binding.value, body.host.instances)
    if (binding?.kind === 'constructor') {
      return body.host.parameters.get(name)
    }
    const given = binding && body.outer?.given.get(name)
    if (given && body.outer) return staticValue(body.outer.body).of(given)
    if (binding?.kind === 'argument') {
      const value = only(body.runs.flat().map((run) => scalarOf(run.at.given.get(name))))
      return value === undefined ? undefined : constant(value, body.host.instances)
    }
    const definition = body.variables.get(name)?.definition
    return definition && this.of(definition)
  }

  #if(e: ast.Expression & { kind: 'if' }): Static | undefined {
    const decided = this.body.decided(e.condition)
    if (decided !== undefined) return this.of(decided ? e.then : e.otherwise)
    const [c, a, b] = [this.of(e.condition), this.of(e.then), this.of(e.otherwise)]
    return c && a && b
      ? mapStatic([c], conditional(a.py, c.py, b.py), () => undefined) && {
          py: conditional(a.py, c.py, b.py),
          values: c.values.map((holds, i) => (holds === true ? a.values[i] : b.values[i])),
        }
      : undefined
  }

  #binary(e: ast.Expression & { kind: 'binary' }): Static | undefined {
    const [a, b] = [this.of(e.left), this.of(e.right)]
    if (!a || !b) return undefined
    const compute = operations[e.operator]
    const result = mapStatic([a, b], a.py, compute)
    const known = [a, b].every(({ py }) => /^-?[\d.]+$/.test(py.text)) ? only(result?.values ?? []) : undefined
    if (known !== undefined) return constant(known, this.body.host.instances)
    const exact = result?.values.every(
      (value) => value === undefined || typeof value === 'boolean' || Number.isInteger(value),
    )
    const whole = [...a.values, ...b.values].every((value) => value === undefined || Number.isInteger(value))
    return result && { ...result, py: binary(e.operator === '/' && exact && whole ? '//' : e.operator, a.py, b.py) }
  }

  #size(e: Call): Static | undefined {
    const name = e.callee.text
    if (name !== 'channels') return undefined
    const x = e.piped ?? e.arguments[0]?.value
    return x && this.features(x)
  }

  /** How many features a tensor has, as the constructor knows it: the last axis of three, else the second. */
  features(e: Expression): Static | undefined {
    const found = this.#features(e)
    const values = this.axis(e, 'features')
    return found && values && agree(values, found.values) ? found : undefined
  }

  /** Sizes of an axis, by instance; undefined where they differ from turn to turn or depend on the input. */
  axis(e: Expression, axis: number | 'features'): (number | undefined)[] | undefined {
    const sizes = this.body.seen(e).map((values) =>
      values.map((value) => {
        const shape = value.kind === 'tensor' ? value.tensor.type.shape : []
        const at = axis === 'features' ? (shape.length === 3 ? 2 : 1) : axis < 0 ? shape.length + axis : axis
        const size = shape[at]
        return size === undefined || isSymbolic(size) ? NaN : size
      }),
    )
    if (sizes.some((list) => new Set(list).size > 1 || list.some(Number.isNaN))) return undefined
    return sizes.map((list) => list[0])
  }

  /** The size that a layer needs of an axis of its input. */
  input(e: Expression, axis: number, hint: string): Static {
    const values = this.axis(e, axis)
    if (values === undefined) return this.body.refuse('a layer whose input differs from turn to turn', e.span)
    const isFeatures = axis === (this.body.rank(e) === 3 ? 2 : 1) || (axis === -1 && this.body.rank(e) <= 3)
    return this.matching(values, hint, isFeatures ? this.features(e) : undefined)
  }

  #featuresOfName(name: string): Static | undefined {
    const { body } = this
    if (body.variables.has(name)) return body.variables.get(name)?.features
    const given = body.outer?.given.get(name)
    if (given && body.outer) return staticValue(body.outer.body).features(given)
    const sizes = body.runs.map((runs) =>
      only(
        runs.map((run) => {
          const value = run.at.given.get(name)
          const shape = value?.kind === 'tensor' ? value.tensor.type.shape : []
          const size = shape[shape.length === 3 ? 2 : 1]
          return size === undefined || isSymbolic(size) ? undefined : size
        }),
      ),
    )
    if (body.outer || sizes.every((size) => size === undefined)) return undefined
    const value = body.runs[0]?.[0]?.at.given.get(name)
    const kind = value?.kind === 'tensor' && value.tensor.type.shape.length > 3 ? 'channels' : 'features'
    const wanted = name === 'x' ? kind : `${name}_${kind}`
    const parameter = body.host.parameters.get(wanted)
    const taken = body.block.parameters.some((other) => other.name.text === wanted)
    return parameter && !taken ? parameter : body.host.parameter(taken ? `${wanted}_in` : wanted, sizes)
  }

  #features(e: Expression): Static | undefined {
    const { body } = this
    switch (e.kind) {
      case 'name':
        return this.#featuresOfName(e.name)
      case 'unary':
        return this.#features(e.operand)
      case 'if': {
        const decided = body.decided(e.condition)
        if (decided !== undefined) return this.features(decided ? e.then : e.otherwise)
        return this.#features(e.otherwise) ?? this.#features(e.then)
      }
      case 'binary': {
        const tensors = [e.left, e.right].filter((side) => body.isTensor(side))
        return tensors
          .toSorted((a, b) => body.rank(b) - body.rank(a))
          .map((side) => this.features(side))
          .find((features) => features !== undefined)
      }
      case 'call':
        return this.#featuresOfCall(e)
      default:
        return undefined
    }
  }

  #featuresOfCall(e: Call): Static | undefined {
    const name = e.callee.text
    const [x] = [...(e.piped ? [e.piped] : []), ...e.arguments.map(({ value }) => value)]
    if (!x) return undefined
    if (name === 'conv' || name === 'linear') {
      const at = e.piped ? 0 : 1
      const out = e.arguments.find((argument) => argument.name?.text === 'out') ?? e.arguments[at]
      return out && this.of(out.value)
    }
    if (name === 'chunk') {
      const parts = e.arguments[e.piped ? 0 : 1]
      const [whole, count] = [this.features(x), parts && this.of(parts.value)]
      if (!whole || !count) return undefined
      return mapStatic([whole, count], binary('//', whole.py, count.py), (a, b) => Number(a) / Number(b))
    }
    if (name === 'reshape') {
      const shape = e.arguments[e.piped ? 0 : 1]?.value
      const items = shape?.kind === 'shape' ? shape.items : []
      const item = items[items.length === 3 ? 2 : 1]
      return item && this.of(item)
    }
    // Blocks mostly give as many features as they take; what a candidate says is held against what came out.
    return keepsFeatures.includes(name) || this.body.isTensor(x) ? this.#features(x) : undefined
  }
}

const operations: Readonly<Record<ast.BinaryOperator, (a: Scalar, b: Scalar) => Scalar>> = {
  '+': (a, b) => Number(a) + Number(b),
  '-': (a, b) => Number(a) - Number(b),
  '*': (a, b) => Number(a) * Number(b),
  '/': (a, b) => Number(a) / Number(b),
  '%': (a, b) => Number(a) % Number(b),
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  and: (a, b) => a === true && b === true,
  or: (a, b) => a === true || b === true,
}
