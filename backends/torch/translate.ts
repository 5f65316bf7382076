/** Translates the body of a block: statements and expressions of the language into those of Python. */
import { torchCannotExpress } from '../../compiler/diagnostics/torch.js'
import type { Span } from '../../compiler/diagnostics/diagnostic.js'
import { divide, isSymbolic } from '../../compiler/ir/dimension.js'
import type { TensorType } from '../../compiler/ir/tensor.js'
import type { BlockValue } from '../../compiler/build/values.js'
import type * as ast from '../../compiler/syntax/ast.js'
import { writeCall } from './calls.js'
import type { Host } from './host.js'
import { negated } from './host.js'
import { Inexpressible } from './inexpressible.js'
import { isTurnIndependent } from './loops.js'
import {
  after,
  atom,
  binary,
  conditional,
  indented,
  levels,
  lineLength,
  literal,
  not,
  operand,
  tuple,
  type Py,
} from './python.js'
import { only, scalarOf, type Static } from './static.js'
import { staticValue } from './statics.js'
import type { BlockRun } from './trace.js'
import type { Registry } from './registry.js'

export type Expression = ast.Expression
export type Call = Expression & { kind: 'call' }

/** A variable of a body: the expression that it stands for in the constructor, and the features of its tensor. */
export interface Variable {
  readonly definition?: Expression
  readonly features?: Static | undefined
}

/** What a name of the body is bound to before the body begins. */
export type Binding =
  /** A parameter of the constructor. */
  | { readonly kind: 'constructor' }
  /** An argument of the function or method. */
  | { readonly kind: 'argument'; readonly isFloat?: boolean }
  /** The number of a loop's turn that is written out. */
  | { readonly kind: 'number'; readonly value: number }

/** The body of one block, in the class or function that it becomes part of. */
export class Body {
  readonly variables = new Map<string, Variable>()
  readonly bindings = new Map<string, Binding>()
  readonly used = new Set<string>()
  lines: string[] = []
  /** The turns of loops that are written out, outermost first. */
  turns: readonly number[] = []
  /** What holds where the expression at hand is evaluated, as the constructor says it. */
  conditions: readonly Py[] = []
  /** The loop that stays one in Python. */
  loop: { readonly variable: string; readonly count: Static } | undefined
  #temporaries = 0
  #width = 0

  constructor(
    readonly host: Host,
    readonly registry: Registry,
    readonly block: ast.BlockSyntax,
    /** By instance of the host. */
    readonly runs: readonly (readonly BlockRun[])[],
    /** The call that this body is a method for. */
    readonly outer?: { readonly body: Body; readonly given: ReadonlyMap<string, Expression> },
  ) {}

  /** The body of a block that becomes a method of the same class, in the place of a call of it. */
  method(block: ast.BlockSyntax, runs: readonly (readonly BlockRun[])[], given: ReadonlyMap<string, Expression>): Body {
    const method = new Body(this.host, this.registry, block, runs, { body: this, given })
    method.conditions = this.conditions
    method.loop = this.loop
    return method
  }

  /** What an expression came to, by instance. */
  seen(e: Expression): BlockValue[][] {
    return this.runs.map((runs) => runs.flatMap((run) => run.values(e, this.turns)))
  }

  all(e: Expression): BlockValue[] {
    return this.seen(e).flat()
  }

  types(e: Expression): TensorType[] {
    return this.all(e).flatMap((value) => (value.kind === 'tensor' ? [value.tensor.type] : []))
  }

  /** The number of axes, which must be the same in all instances. */
  rank(e: Expression): number {
    const rank = only(this.types(e).map(({ shape }) => shape.length))
    return rank ?? this.refuse('a tensor whose number of axes depends on the place', e.span)
  }

  isTensor(e: Expression): boolean {
    return this.all(e).some(({ kind }) => kind === 'tensor')
  }

  refuse(what: string, span: Span): never {
    throw new Inexpressible(torchCannotExpress({ what }), span)
  }

  /** What a condition comes to everywhere; undefined where that depends on the place. */
  decided(e: Expression): boolean | undefined {
    return only(this.all(e).map(scalarOf)) as boolean | undefined
  }

  statements(body: readonly ast.Statement[]): void {
    for (const statement of body) {
      if (statement.kind === 'for') this.#loop(statement)
      else if (statement.kind !== 'order') this.#simple(statement)
    }
  }

  /** A statement of one line, or of more where that would be too long. */
  #simple(statement: ast.Statement & { kind: 'return' | 'assign' }): void {
    for (const width of [96, 72, 54, 40, 24]) {
      const before = { lines: [...this.lines], temporaries: this.#temporaries, host: this.host.saved() }
      const [variables, bindings] = [new Map(this.variables), new Map(this.bindings)]
      this.#width = width
      if (statement.kind === 'return')
        this.#end('return ', statement.values.map((value) => this.translate(value).text).join(', '))
      else this.#assign(statement)
      const fits = this.lines.slice(before.lines.length).every((line) => line.length <= lineLength - 12)
      if (fits || width === 24) return
      this.lines = before.lines
      this.#temporaries = before.temporaries
      before.host()
      refill(this.variables, variables)
      refill(this.bindings, bindings)
    }
  }

  #assign({ targets, value }: ast.Statement & { kind: 'assign' }): void {
    const [target, ...more] = targets
    const identity = value.kind === 'name' && more.length === 0 && value.name === target?.text
    const py = this.translate(value)
    const names = targets.map(({ text }) => this.local(text))
    const features = staticValue(this).features(value)
    for (const { text } of targets) {
      this.bindings.delete(text)
      this.variables.set(text, { ...(more.length === 0 ? { definition: value } : {}), features })
    }
    if (!identity && py.text !== names.join(', ')) this.#end(`${names.join(', ')} = `, py.text)
  }

  /** Ends a statement; a value that just got a line of its own needs no other. */
  #end(head: string, value: string): void {
    const last = this.lines.at(-1)
    const own = `${value} = `
    if (value === this.#last && last?.startsWith(own)) this.lines[this.lines.length - 1] = head + last.slice(own.length)
    else this.lines.push(head + value)
  }

  #loop(loop: ast.Statement & { kind: 'for' }): void {
    const { variable, from, to, body } = loop
    const runs = this.runs.flat()
    const counts = runs.map((run) => run.turns.get(loop) ?? 0)
    if (counts.every((count) => count === 0)) return
    if (this.loop === undefined && runs.every((run) => isTurnIndependent(loop, run))) {
      const end = this.translate(to)
      const count = staticValue(this).of(to)
      const outside = this.lines
      this.lines = []
      this.loop = { variable: variable.text, count: count ?? this.refuse('this number of turns', to.span) }
      this.bindings.set(variable.text, { kind: 'argument' })
      this.statements(body)
      const used = this.lines.some((line) => new RegExp(`\\b${this.local(variable.text)}\\b`).test(line))
      this.loop = undefined
      const head = `for ${used ? this.local(variable.text) : '_'} in range(${end.text}):`
      this.lines = [...outside, head, ...indented(this.lines)]
      return
    }
    const [first, last] = [from, to].map((bound) => only(this.all(bound).map(scalarOf)))
    if (typeof first !== 'number' || typeof last !== 'number')
      return this.refuse('a loop whose layers and number of turns both depend on the place', loop.span)
    for (let i = first; i < last; i++) {
      this.turns = [...this.turns, i]
      this.bindings.set(variable.text, { kind: 'number', value: i })
      this.statements(body)
      this.turns = this.turns.slice(0, -1)
      if (this.lines.at(-1)?.startsWith('return ')) return
    }
  }

  /** The Python name of a variable. */
  local(name: string): string {
    return this.registry.variable(name)
  }

  translate(e: Expression): Py {
    switch (e.kind) {
      case 'number':
        return literal(e.value)
      case 'yesno':
        return literal(e.value)
      case 'none':
        return atom('None')
      case 'name':
        return this.#name(e)
      case 'shape':
        return tuple(e.items.map((item) => this.translate(item)))
      case 'unary':
        if (e.operator === 'not') return this.condition(e)
        return { text: `-${operand(this.translate(e.operand), levels.negate)}`, level: levels.negate }
      case 'if':
        return this.#if(e)
      case 'binary':
        return this.#binary(e)
      case 'call':
        return this.fit(writeCall(this, e))
    }
  }

  /** A tensor that the body is given, to take a device from. */
  aTensor(): string | undefined {
    const names = this.block.parameters.map(({ name }) => name.text)
    const name = names.find((one) => this.runs.flat().every((run) => run.at.given.get(one)?.kind === 'tensor'))
    if (name === undefined) return undefined
    this.used.add(name)
    return this.local(name)
  }

  #name(e: Expression & { kind: 'name' }): Py {
    if (this.all(e).every(({ kind }) => kind === 'none')) return atom('None')
    const binding = this.bindings.get(e.name)
    if (binding?.kind === 'number') return literal(binding.value)
    this.used.add(e.name)
    if (binding?.kind !== 'constructor') return atom(this.local(e.name))
    const parameter = this.host.parameters.get(e.name)
    if (parameter === undefined) return this.refuse(`\`${e.name}\``, e.span)
    this.host.fields.add(parameter.name)
    return atom(`self.${this.host.field(e.name)}`)
  }

  /** A condition that depends on the place. */
  condition(e: Expression): Py {
    const decided = this.decided(e)
    return decided === undefined ? this.#undecided(e) : literal(decided)
  }

  #undecided(e: Expression): Py {
    if (e.kind === 'unary' && e.operator === 'not') return not(this.condition(e.operand))
    if (e.kind === 'binary' && (e.operator === 'and' || e.operator === 'or')) {
      const sides = [e.left, e.right].map((side) => ({ side, decided: this.decided(side) }))
      // A side that is the same everywhere does not decide.
      const [first, second] = sides
        .filter(({ decided }) => decided === undefined)
        .map(({ side }) => this.condition(side))
      return first && second ? binary(e.operator, first, second) : (first ?? literal(false))
    }
    return this.translate(e)
  }

  #if(e: Expression & { kind: 'if' }): Py {
    const decided = this.decided(e.condition)
    if (decided !== undefined) return this.translate(decided ? e.then : e.otherwise)
    const made = staticValue(this).condition(e.condition)
    const identity = this.#identity(e, made)
    if (identity) return identity
    const condition = this.condition(e.condition)
    const before = this.conditions
    this.conditions = [...before, made]
    const then = this.translate(e.then)
    this.conditions = [...before, negated(made)]
    const otherwise = this.translate(e.otherwise)
    this.conditions = before
    return conditional(then, condition, otherwise)
  }

  /** `if c then x else x | layer: f` is a layer that is nn.Identity where c holds. */
  #identity(e: Expression & { kind: 'if' }, condition: Py): Py | undefined {
    for (const [plain, layered, holds] of [
      [e.then, e.otherwise, condition],
      [e.otherwise, e.then, negated(condition)],
    ] as const) {
      if (plain.kind !== 'name' || layered.kind !== 'call' || layered.label?.parts.length !== 1) continue
      if (layered.piped?.kind !== 'name' || layered.piped.name !== plain.name || this.loop) continue
      const before = this.host.entries.length
      const py = writeCall(this, layered)
      const [entry, ...more] = this.host.entries.slice(before)
      if (!entry || more.length > 0 || py.text !== `self.${entry.path[0] ?? ''}(${this.translate(plain).text})`) {
        this.host.entries.splice(before)
        continue
      }
      this.host.entries[before] = { ...entry, py: conditional(atom('nn.Identity()'), holds, entry.py) }
      return py
    }
    return undefined
  }

  #binary(e: Expression & { kind: 'binary' }): Py {
    if (e.operator === 'and' || e.operator === 'or') return this.condition(e)
    if (e.operator === '==' || e.operator === '!=') {
      const sides = [e.left, e.right]
      if (sides.some(({ kind }) => kind === 'none')) {
        const other = sides.find(({ kind }) => kind !== 'none')
        const operator = e.operator === '==' ? 'is' : 'is not'
        return binary(operator, other ? this.translate(other) : atom('None'), atom('None'))
      }
    }
    if (this.isTensor(e)) {
      const [left, right] = this.aligned(e.left, e.right)
      return this.fit(binary(e.operator, left, right))
    }
    const whole = this.all(e).every(
      (value) => value.kind !== 'size' || isSymbolic(value.size) || Number.isInteger(value.size),
    )
    const operands = [e.left, e.right].flatMap((side) => this.all(side).map(scalarOf))
    if (e.operator === '%' && operands.some((value) => typeof value === 'number' && value < 0))
      return this.refuse('the remainder of a negative number', e.span)
    const fractions = operands.some((value) => typeof value === 'number' && !Number.isInteger(value))
    return binary(
      e.operator === '/' && whole && !fractions ? '//' : e.operator,
      this.translate(e.left),
      this.translate(e.right),
    )
  }

  /** Two operands of an operation on elements: a vector per example meets a map at every position and frame. */
  aligned(left: Expression, right: Expression): [Py, Py] {
    const [a, b] = [this.translate(left), this.translate(right)]
    if (!this.isTensor(left) || !this.isTensor(right)) return [a, b]
    const [rankA, rankB] = [this.rank(left), this.rank(right)]
    if (rankA === 2 && rankB > 2) {
      const [target, vector] = this.#spread(a, left, b, right, rankB)
      return [vector, target]
    }
    if (rankB === 2 && rankA > 2) return this.#spread(b, right, a, left, rankA)
    return [a, b]
  }

  /** The map and the vector: `[:, :, None, None]`, repeated for each frame where there are several. */
  #spread(vector: Py, e: Expression, target: Py, of: Expression, rank: number): [Py, Py] {
    const [map, repeated] = this.perFrame(vector, e, target, of)
    const index = rank === 3 ? '[:, None]' : `[:, :${', None'.repeat(rank - 2)}]`
    return [map, after(repeated, index)]
  }

  /** Repeats rows of `x` for each frame of `like`, where somewhere an example has several. */
  perFrame(x: Py, e: Expression, like: Py, of: Expression): [like: Py, x: Py] {
    const [rows, frames] = [e, of].map((one) => this.types(one).map(({ shape }) => shape[0] ?? 0))
    const several = rows?.some((batch, i) => {
      const ratio = divide(frames?.[i] ?? 0, batch)
      return ratio !== undefined && ratio !== 1 && batch !== 1 && !isSymbolic(ratio)
    })
    if (!several) return [like, x]
    this.host.uses.add('per_frame')
    const named = this.named(like, of.span)
    return [named, atom(`per_frame(${x.text}, ${named.text})`)]
  }

  /** An expression that is used twice gets a name. */
  named(py: Py, span: Span): Py {
    if (/^[A-Za-z_]\w*$/.test(py.text)) return py
    if (this.conditions.length > 0) return this.refuse('frames within a condition that depends on the place', span)
    const name = this.#temporary()
    this.lines.push(`${name} = ${py.text}`)
    return atom(name)
  }

  /** Gives a part of a long expression a line of its own. */
  fit(py: Py): Py {
    if (py.text.length <= this.#width || this.conditions.length > 0) return py
    const name = this.#temporary()
    this.lines.push(`${name} = ${py.text}`)
    return atom(name)
  }

  #last = ''

  #temporary(): string {
    const taken = (name: string) => this.bindings.has(name) || this.variables.has(name)
    do this.#temporaries++
    while (taken(`y${this.#temporaries}`))
    this.#last = `y${this.#temporaries}`
    return this.#last
  }
}

function refill<V>(map: Map<string, V>, from: ReadonlyMap<string, V>): void {
  map.clear()
  for (const [key, value] of from) map.set(key, value)
}
