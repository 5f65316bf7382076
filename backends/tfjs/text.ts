/** Writes programs as JavaScript: a function for each block of the model, one that calls them, one that prepares weights. */
import type { Tensor } from '@tensorflow/tfjs-core'
import { showShape, type Bindings, type Shape } from '../../compiler/ir/dimension.js'
import { textOf } from './code.js'
import { runsOf, type Run } from './functions.js'
import { destructured, disposal, enclosed, indented, inFunction, keyed } from './javascript.js'
import { identifier, Names } from './names.js'
import {
  endings,
  readsIn,
  runStatements,
  storedStatements,
  unreadInputs,
  type Program,
  type Statement,
} from './program.js'

export type Tensors = Readonly<Record<string, Tensor>>
/** What is kept from one run to the next, by the functions of the program that read it. */
export type Stored = Readonly<Record<string, Tensors>>

/** What a program's text defines (see programText). */
export interface ProgramFunctions {
  readonly prepare: (parameter: (name: string, shape: number[]) => Promise<Tensor>) => Promise<Stored>
  readonly run: (
    sizes: Bindings,
    inputs: Tensors,
    stored: Stored,
    parameter: (name: string, shape: number[]) => Tensor,
  ) => Tensors
}

/**
 * The text of a program: functions of `tf` and `constant`, among which are
 *
 * `prepare(parameter)` promises what is kept from one run to the next, by the functions that read it;
 * `parameter(name, shape)` promises a tensor of the model, which is disposed, and `constant(number, shape, type)` gives
 * one of the program's `constants`, which is too.
 *
 * `run(sizes, inputs, stored, parameter)` computes the outputs, by name. It disposes the inputs. Where a model trains,
 * `parameter(name, shape)` gives its tensors anew in each run, and they are disposed as well.
 */
export function programText(program: Program): string {
  return new Writer(program).text()
}

/** A function with more tensors says nothing of their shapes. */
const describedTensors = 8

class Writer {
  readonly #names = new Names()
  readonly #runs: readonly Run[]
  /** What tensors are called wherever they are not called by their number. */
  readonly #ownNames = new Map<string, string>()
  readonly #shapes = new Map<string, Shape>()
  readonly #origins: ReadonlyMap<string, string>
  readonly #ending: ReadonlyMap<Statement, readonly string[]>

  constructor(readonly program: Program) {
    const { statements, symbols, helpers, inputs, outputs } = program
    for (const name of [...symbols, ...helpers.map((helper) => helper.name)]) this.#names.unused(name)
    this.#runs = runsOf(program, this.#names)
    for (const { name, variable } of inputs) this.#ownNames.set(variable, this.#names.unused(identifier(name)))
    for (const { result, parameter, stored } of statements)
      if (parameter !== undefined && !stored) this.#ownNames.set(result, this.#names.unused(identifier(parameter)))
    for (const { variable, type } of inputs) this.#shapes.set(variable, type.shape)
    for (const { result, shape } of statements) this.#shapes.set(result, shape)
    this.#origins = originsOf(statements)
    const given = inputs.map(({ variable }) => variable)
    this.#ending = endings(runStatements(program), new Set(outputs.map(({ variable }) => variable)), given)
  }

  text(): string {
    const { helpers, statements } = this.program
    const called = helpers.filter(({ name }) => statements.some(({ code }) => textOf(code).startsWith(`${name}(`)))
    const functions = this.#runs.flatMap((run) => (run.name === undefined ? [] : [this.#function(run, run.name)]))
    const constants = called.map(({ name, text }) => `const ${name} = ${text}`)
    return [this.#prepare(), this.#main(), ...functions, ...constants].join('\n\n') + '\n'
  }

  #prepare(): string {
    const { statements, kept } = storedStatements(this.program)
    const ending = endings(statements, kept)
    const groups = [this.#mainWeights(), ...this.#runs.map((run) => this.#weightsOf(run))]
    const entries = groups.flatMap(({ group, members }) => {
      const fields = Array.from(members, ([result, name]) => (name === result ? name : `${name}: ${result}`))
      return fields.length === 0 ? [] : enclosed(`${group}: { `, fields, ' },', 2 * inFunction)
    })
    const body = [...this.#lines(statements, '', ending, (name) => name), 'return {', ...indented(entries), '}']
    const reads = statements.some(({ parameter }) => parameter !== undefined)
    return [`async function prepare(${reads ? 'parameter' : ''}) {`, ...indented(body), '}'].join('\n')
  }

  #main(): string {
    const { inputs, outputs, symbols } = this.program
    const needs = new Set(this.#runs.flatMap((run) => this.#weightsOf(run).needs))
    const given = inputs.map(({ name, variable }) => keyed(name, this.#nameOf(variable)))
    const { group, members } = this.#mainWeights()
    const nameOf = (name: string) => members.get(name) ?? this.#nameOf(name)
    const ended = disposal(unreadInputs(this.program).map(nameOf))
    const results = outputs.map(({ name, variable }) => keyed(name, nameOf(variable)))
    const body = [
      ...destructured(
        symbols.filter((symbol) => needs.has(symbol)),
        'sizes',
      ),
      ...destructured(given, 'inputs'),
      ...destructured([...members.values()], `stored.${group}`),
      ...ended,
      ...this.#runs.flatMap((run) =>
        run.name === undefined ? this.#lines(run.statements, '', this.#ending, nameOf) : this.#call(run, run.name),
      ),
      ...enclosed('return { ', results, ' }', inFunction),
    ]
    const reads = storedStatements(this.program).kept.size > 0
    const handed = needs.has('parameter') ? ', stored, parameter' : reads ? ', stored' : ''
    return [`function run(sizes, inputs${handed}) {`, ...indented(body), '}'].join('\n')
  }

  #call(run: Run, name: string): string[] {
    const { members, needs } = this.#weightsOf(run)
    const { results, given } = this.#tensorsOf(run)
    const names = results.map((result) => this.#nameOf(result))
    const target = names.length === 1 ? [`const ${names.join()} = `] : enclosed('const { ', names, ' } = ', inFunction)
    const weights = members.size > 0 ? [`stored.${name}`] : []
    const handed = [...weights, ...needs, ...given.map((tensor) => this.#nameOf(tensor))]
    return [...target.slice(0, -1), ...enclosed(`${target.at(-1) ?? ''}${name}(`, handed, ')', inFunction)]
  }

  #function(run: Run, name: string): string {
    const { members, needs } = this.#weightsOf(run)
    const { results, given } = this.#tensorsOf(run)
    const nameOf = (tensor: string) => members.get(tensor) ?? this.#nameOf(tensor)
    const weights = members.size > 0 ? ['weights'] : []
    const names = results.map(nameOf)
    const returned = names.length === 1 ? [`return ${names.join()}`] : enclosed('return { ', names, ' }', inFunction)
    return [
      ...this.#description(run, given, results),
      ...enclosed(`function ${name}(`, [...weights, ...needs, ...given.map(nameOf)], ') {'),
      ...indented([
        ...destructured([...members.values()], 'weights'),
        ...this.#lines(run.statements, run.block, this.#ending, nameOf),
        ...returned,
      ]),
      '}',
    ].join('\n')
  }

  #description({ block }: Run, given: readonly string[], results: readonly string[]): string[] {
    if (given.length + results.length > describedTensors) return [`/** ${block} */`]
    const shown = (names: readonly string[]) =>
      names.map((name) => `${this.#nameOf(name)} ${showShape(this.#shapes.get(name) ?? [])}`).join(', ')
    return [`/**`, ` * ${block}`, ` * ${shown(given)} -> ${shown(results)}`, ` */`]
  }

  /** Statements with their disposals, under the layers that they come from. */
  #lines(
    statements: readonly Statement[],
    block: string,
    ending: ReadonlyMap<Statement, readonly string[]>,
    nameOf: (name: string) => string,
  ): string[] {
    let module = block
    return statements.flatMap((statement) => {
      const layer = statement.module.slice(block === '' ? 0 : block.length + 1)
      const heading = statement.module === module ? [] : layer === '' ? [''] : [`// ${layer}`]
      module = statement.module
      const made = `const ${nameOf(statement.result)} = ${textOf(statement.code, nameOf)}`
      return [...heading, made, ...disposal((ending.get(statement) ?? []).map(nameOf))]
    })
  }

  /** What of the weights the main function reads itself. */
  #mainWeights() {
    const statements = this.#runs.flatMap((run) => (run.name === undefined ? run.statements : []))
    return { group: 'run', members: this.#members(statements, '') }
  }

  /** What of the weights a function reads, under the names that it has for them, and what else is handed to it. */
  #weightsOf({ name, block, statements }: Run) {
    const members = name === undefined ? new Map<string, string>() : this.#members(statements, `${block}.`)
    const symbols = new Set(statements.flatMap(({ code }) => code.symbols))
    const needs = statements.some(({ parameter }) => parameter !== undefined) ? ['parameter'] : []
    return { group: name ?? '', members, needs: [...needs, ...this.program.symbols.filter((one) => symbols.has(one))] }
  }

  #members(statements: readonly Statement[], prefix: string): ReadonlyMap<string, string> {
    const made = new Set(this.#storedNames())
    const read = new Set(statements.flatMap(readsIn).filter((name) => made.has(name)))
    const names = this.#names.inner()
    return new Map(
      Array.from(read, (name) => {
        const origin = this.#origins.get(name)
        const short = origin?.startsWith(prefix) ? origin.slice(prefix.length) : origin
        return [name, short === undefined ? name : names.unused(identifier(short))]
      }),
    )
  }

  #stored: readonly string[] | undefined
  #storedNames(): readonly string[] {
    return (this.#stored ??= this.program.statements.flatMap(({ stored, result }) => (stored ? [result] : [])))
  }

  /** The tensors that a run is given, and those that others read after it. */
  #tensorsOf({ statements }: Run): { given: readonly string[]; results: readonly string[] } {
    const made = new Set(statements.map(({ result }) => result))
    const stored = new Set(this.#storedNames())
    const ended = new Set(statements.flatMap((statement) => this.#ending.get(statement) ?? []))
    const read = new Set(statements.flatMap(readsIn))
    return {
      given: [...read].filter((name) => !made.has(name) && !stored.has(name)),
      results: [...made].filter((name) => !ended.has(name)),
    }
  }

  #nameOf(name: string): string {
    return this.#ownNames.get(name) ?? name
  }
}

/** For tensors that are made of one parameter alone: its name. */
function originsOf(statements: readonly Statement[]): ReadonlyMap<string, string> {
  const origins = new Map<string, string>()
  for (const statement of statements) {
    const reads = readsIn(statement)
    const found = new Set(reads.map((name) => origins.get(name)))
    const [origin = statement.parameter] = found
    if (origin !== undefined && found.size <= 1) origins.set(statement.result, origin)
  }
  return origins
}
