/** Runs blocks: their statements and expressions add nodes to the graph and parameters to the model. */
import { signatureOf, words, type FunctionName } from '../check/functions.js'
import type { LoadedFile } from '../check/load.js'
import type { Span } from '../diagnostics/diagnostic.js'
import * as say from '../diagnostics/block.js'
import { duplicateName } from '../diagnostics/language.js'
import type { GraphBuilder } from '../ir/builder.js'
import { ShapeError } from '../ops/op.js'
import type * as ast from '../syntax/ast.js'
import { operate } from './arithmetic.js'
import { implementations, type CallContext } from './functions.js'
import type { Layers } from './layers.js'
import type { Scope } from './scope.js'
import { BlockFault, none, Reading, sizeValue, yesNoValue, type BlockValue } from './values.js'

/** Larger networks are mistakes in a number. */
const mostNodes = 200_000
const mostRepeats = 1024
const mostOpen = 64
/** Numbers stored in the graph itself. */
const mostConstants = 4_000_000
/** Expressions worked out for one model; blocks that use others again and again would otherwise never end. */
const mostSteps = 3_000_000

/** Sees blocks at work, so that readable code can be written from their definitions and from what they computed. */
export interface BlockObserver {
  /** A block begins; what is seen next belongs to it until `leave`. `call` is absent where the model itself uses it. */
  enter(block: BlockAtWork, call: ast.Expression | undefined): void
  /** What an expression of the block at work came to. */
  evaluated(expression: ast.Expression, value: BlockValue): void
  /** A loop of the block at work begins its next turn, or ends. */
  turn(loop: ast.Statement & { kind: 'for' }, index: number | 'end'): void
  leave(result: BlockValue): void
}

/** A block with the values of its parameters. */
export interface BlockAtWork {
  readonly block: ast.BlockSyntax
  readonly home: LoadedFile
  /** Where its layers are, in the checkpoint. */
  readonly path: string
  readonly given: ReadonlyMap<string, BlockValue>
}

interface Frame {
  readonly home: LoadedFile
  readonly variables: Map<string, BlockValue>
  readonly scope: Scope
  /** The blocks at work, outermost first. */
  readonly chain: readonly ast.BlockSyntax[]
}

export class BlockRunner {
  #steps = 0
  #constants = 0

  constructor(
    private readonly graph: GraphBuilder,
    private readonly layers: Layers,
    private readonly observer?: BlockObserver,
  ) {}

  /**
   * Runs a block with the values given by parameter name; parameters without one take their default.
   * Throws BlockFault for mistakes in the block.
   */
  run(
    block: ast.BlockSyntax,
    home: LoadedFile,
    given: ReadonlyMap<string, BlockValue>,
    scope: Scope,
    chain: readonly ast.BlockSyntax[] = [],
    call?: ast.Expression,
  ): BlockValue {
    const name = block.name.text
    if (chain.includes(block)) {
      const names = [...chain.slice(chain.indexOf(block)), block].map((each) => each.name.text)
      throw new BlockFault(say.recursiveBlock({ chain: names }), block.name.span)
    }
    if (chain.length > mostOpen)
      throw new BlockFault(say.tooLarge({ what: 'blocks used inside each other', most: mostOpen }), block.name.span)
    const frame: Frame = { home, variables: new Map(), scope, chain: [...chain, block] }
    for (const parameter of block.parameters) {
      const value = given.get(parameter.name.text) ?? (parameter.default && this.#evaluate(parameter.default, frame))
      if (value === undefined)
        throw new BlockFault(
          say.missingArgument({ callee: name, name: parameter.name.text, block: true }),
          parameter.name.span,
        )
      frame.variables.set(parameter.name.text, value)
    }
    this.observer?.enter({ block, home, path: scope.path, given: new Map(frame.variables) }, call)
    const result = this.graph.within({ module: scope }, () => this.#statements(block.body, frame))
    if (result === undefined) throw new BlockFault(say.noReturn({ block: name }), block.name.span)
    this.observer?.leave(result)
    return result
  }

  #statements(body: readonly ast.Statement[], frame: Frame): BlockValue | undefined {
    for (const statement of body) {
      if (statement.kind === 'return') {
        const values = statement.values.map((value) => this.#evaluate(value, frame))
        return values.length === 1 ? values[0] : { kind: 'list', items: values }
      }
      if (statement.kind === 'order') frame.scope.order(statement.names.map(({ text }) => text))
      else if (statement.kind === 'assign') this.#assign(statement, frame)
      else {
        const result = this.#loop(statement, frame)
        if (result !== undefined) return result
      }
    }
    return undefined
  }

  #assign({ targets, value, span }: ast.Statement & { kind: 'assign' }, frame: Frame): void {
    const result = this.#evaluate(value, frame)
    const values = targets.length === 1 ? [result] : result.kind === 'list' ? result.items : [result]
    if (values.length !== targets.length)
      throw new BlockFault(say.wrongCount({ names: targets.length, values: values.length }), span)
    targets.forEach((target, i) => frame.variables.set(target.text, values[i] ?? none))
  }

  #loop(loop: ast.Statement & { kind: 'for' }, frame: Frame): BlockValue | undefined {
    const { variable, from, to, body } = loop
    const bound = (expression: ast.Expression) => this.#read(expression, 'a bound of `for`', frame).whole()
    const [first, last] = [bound(from), bound(to)]
    if (last - first > mostRepeats)
      throw new BlockFault(say.tooLarge({ what: 'repetitions', most: mostRepeats }), to.span)
    for (let i = first; i < last; i++) {
      this.#step(variable.span)
      frame.variables.set(variable.text, sizeValue(i))
      this.observer?.turn(loop, i)
      const result = this.#statements(body, frame)
      if (result !== undefined) return result
    }
    this.observer?.turn(loop, 'end')
    return undefined
  }

  #read(expression: ast.Expression, what: string, frame: Frame): Reading {
    return new Reading(this.#evaluate(expression, frame), what, expression.span)
  }

  /** The value of an expression that stands in a model rather than in a block. */
  evaluateOutside(expression: ast.Expression, home: LoadedFile, scope: Scope): BlockValue {
    return this.#evaluate(expression, { home, variables: new Map(), scope, chain: [] })
  }

  #step(span: Span): void {
    if (++this.#steps > mostSteps)
      throw new BlockFault(say.tooLarge({ what: 'steps to build the network', most: mostSteps }), span)
  }

  #evaluate(e: ast.Expression, frame: Frame): BlockValue {
    const value = this.#valueOf(e, frame)
    if (frame.chain.length > 0) this.observer?.evaluated(e, value)
    return value
  }

  #valueOf(e: ast.Expression, frame: Frame): BlockValue {
    this.#step(e.span)
    switch (e.kind) {
      case 'number':
        if (Number.isNaN(e.value)) throw new BlockFault(say.numberWithUnit(), e.span)
        if (!Number.isFinite(e.value))
          throw new BlockFault(say.tooLarge({ what: 'this number', most: Number.MAX_VALUE }), e.span)
        return sizeValue(e.value)
      case 'yesno':
        return yesNoValue(e.value)
      case 'none':
        return none
      case 'name':
        return this.#variable(e.name, e.span, frame)
      case 'shape':
        return { kind: 'list', items: e.items.map((item) => this.#evaluate(item, frame)) }
      case 'unary':
        if (e.operator === 'not') return yesNoValue(!this.#read(e.operand, 'the operand of `not`', frame).yesNo())
        return this.#guard(e.span, () =>
          operate('-', sizeValue(0), this.#evaluate(e.operand, frame), e.span, this.graph.b),
        )
      case 'if':
        return this.#evaluate(this.#read(e.condition, 'the condition', frame).yesNo() ? e.then : e.otherwise, frame)
      case 'binary':
        return this.#binary(e, frame)
      case 'call':
        return this.#call(e, frame)
    }
  }

  #variable(name: string, span: Span, { variables }: Frame): BlockValue {
    const value = variables.get(name)
    if (value) return value
    if (words.some((word) => word === name)) return { kind: 'word', word: name }
    throw new BlockFault(say.unknownVariable({ name, known: [...variables.keys()] }), span)
  }

  #binary(e: ast.Expression & { kind: 'binary' }, frame: Frame): BlockValue {
    if (e.operator === 'and' || e.operator === 'or') {
      const side = (operand: ast.Expression) => this.#read(operand, `a side of \`${e.operator}\``, frame).yesNo()
      const left = side(e.left)
      return yesNoValue(left === (e.operator === 'or') ? left : side(e.right))
    }
    const [left, right] = [this.#evaluate(e.left, frame), this.#evaluate(e.right, frame)]
    return this.#guard(e.span, () => operate(e.operator, left, right, e.span, this.graph.b))
  }

  /** Places what an op says of unfit shapes, and gives the nodes made meanwhile their place in the source. */
  #guard<T>(span: Span, make: () => T): T {
    if (this.graph.size > mostNodes) throw new BlockFault(say.tooLarge({ what: 'operations', most: mostNodes }), span)
    try {
      return this.graph.within({ span }, make)
    } catch (error) {
      throw error instanceof ShapeError ? new BlockFault(say.shapesDoNotFit({ message: error.message }), span) : error
    }
  }

  #call(call: ast.Expression & { kind: 'call' }, frame: Frame): BlockValue {
    const name = call.callee.text
    const piped = call.piped && this.#evaluate(call.piped, frame)
    const definition = frame.home.names.get(name)
    if (definition?.kind === 'block') {
      const { syntax, file } = definition
      const given = this.#arguments(
        call,
        piped,
        syntax.parameters.map((parameter) => parameter.name.text),
        frame,
      )
      const missing = syntax.parameters.find((parameter) => !parameter.default && !given.has(parameter.name.text))
      if (missing)
        throw new BlockFault(say.missingArgument({ callee: name, name: missing.name.text, block: true }), call.span)
      const values = new Map([...given].map(([parameter, { value }]) => [parameter, value]))
      const scope = call.label ? frame.scope.child(this.#path(call.label, frame), name) : frame.scope
      try {
        return this.run(syntax, file, values, scope, frame.chain, call)
      } catch (error) {
        if (error instanceof BlockFault) error.uses.push(call.span)
        throw error
      }
    }
    return this.#function(call, piped, frame)
  }

  #function(call: ast.Expression & { kind: 'call' }, piped: BlockValue | undefined, frame: Frame): BlockValue {
    const { callee, label, span } = call
    const name = callee.text as FunctionName
    const signature = signatureOf(name)
    if (signature === undefined)
      throw new BlockFault(say.unknownFunction({ name, known: Object.keys(implementations) }), callee.span)
    const names = signature.parameters.map((parameter) => parameter.replace('?', ''))
    const given = this.#arguments(call, piped, names, frame)
    const required = signature.parameters.find((parameter) => !parameter.endsWith('?') && !given.has(parameter))
    if (required !== undefined)
      throw new BlockFault(say.missingArgument({ callee: name, name: required, block: false }), span)
    if (signature.layer && !label) throw new BlockFault(say.unnamedLayer({ callee: name }), span)
    if (!signature.layer && label) throw new BlockFault(say.labelWithoutLayer({ callee: name }), label.span)
    const readings = Object.fromEntries(
      [...given].map(([parameter, argument]) => [
        parameter,
        new Reading(argument.value, `\`${parameter}\` of \`${name}\``, argument.span),
      ]),
    )
    const context = this.#context(label, name, span, frame)
    const implementation = implementations[name] as (
      given: Readonly<Record<string, Reading>>,
      context: CallContext,
    ) => BlockValue | { readonly op: string }
    const result = this.#guard(span, () => implementation(readings, context))
    return 'kind' in result ? result : ({ kind: 'tensor', tensor: result } as BlockValue)
  }

  #context(label: ast.LayerLabel | undefined, kind: string, span: Span, frame: Frame): CallContext {
    const spend = (count: number) => {
      this.#constants += count
      if (this.#constants <= mostConstants) return
      throw new BlockFault(say.tooLarge({ what: 'constant numbers', most: mostConstants }), span)
    }
    const shared = { b: this.graph.b, layers: this.layers, span, spend }
    if (label === undefined) return { ...shared, layer: frame.scope, owner: { scope: frame.scope, name: '' } }
    const path = this.#path(label, frame)
    const at = path.lastIndexOf('.')
    // `parameter` stores one tensor under the label itself, every other layer stores several below it.
    const single = kind === 'parameter' || kind === 'rotary_frequencies'
    const holder = single
      ? at < 0
        ? frame.scope
        : frame.scope.child(path.slice(0, at), '')
      : frame.scope.child(path, kind)
    const name = path.slice(at + 1)
    if (holder.has(single ? name : 'weight'))
      throw new BlockFault(say.layerTwice({ path: single ? path : holder.path }), label.span)
    return { ...shared, layer: holder, owner: { scope: holder, name } }
  }

  #path(label: ast.LayerLabel, frame: Frame): string {
    return label.parts
      .map((part) => ('index' in part ? String(this.#read(part.index, 'an index', frame).whole()) : part.text))
      .join('.')
  }

  /** Matches the values of a call with parameter names: what is piped first, then by position, then by name. */
  #arguments(
    call: ast.Expression & { kind: 'call' },
    piped: BlockValue | undefined,
    names: readonly string[],
    frame: Frame,
  ) {
    const callee = call.callee.text
    const given = new Map<string, { value: BlockValue; span: Span }>()
    let position = 0
    if (piped) {
      if (names.length === 0) throw new BlockFault(say.tooManyArguments({ callee, given: 1, most: 0 }), call.span)
      given.set(names[position++] ?? '', { value: piped, span: call.piped?.span ?? call.span })
    }
    for (const { name, value: expression } of call.arguments) {
      const target = name?.text ?? names[position++]
      if (target === undefined)
        throw new BlockFault(say.tooManyArguments({ callee, given: position, most: names.length }), expression.span)
      if (!names.includes(target))
        throw new BlockFault(say.unknownArgument({ callee, name: target, known: names }), name?.span ?? expression.span)
      if (given.has(target))
        throw new BlockFault(duplicateName({ what: 'argument', name: target }), name?.span ?? expression.span)
      given.set(target, { value: this.#evaluate(expression, frame), span: expression.span })
    }
    return given
  }
}
