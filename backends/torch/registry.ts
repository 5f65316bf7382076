/** All classes and functions that the blocks of a network become. */
import type { BlockValue } from '../../compiler/build/values.js'
import { showDimension } from '../../compiler/ir/dimension.js'
import type { Parameter } from '../../compiler/ir/parameter.js'
import { commentOf } from './comments.js'
import { Host } from './host.js'
import { className, docstring, indented, listed, variableName } from './python.js'
import { scalarOf, ConstructorParameter } from './static.js'
import { Body, type Binding } from './translate.js'
import type { BlockRun, Trace } from './trace.js'
import { isDynamic, variantsOf, type Role } from './variants.js'
import { withSizes } from './sizes.js'

/** A class or a function. */
export interface Entry {
  readonly name: string
  readonly role: Role
  readonly runs: readonly BlockRun[]
  /** Undefined for a function. */
  readonly host: Host | undefined
  /** What is given to its forward, or to the function. */
  readonly arguments: readonly string[]
  readonly body: Body
}

export class Registry {
  readonly entries: Entry[] = []
  readonly #entryOf = new Map<BlockRun, Entry>()
  readonly #roles = new Map<BlockRun, Role>()
  readonly #names = new Set<string>()

  constructor(
    trace: Trace,
    private readonly parameters: readonly Parameter[],
    private readonly sources: ReadonlyMap<string, string>,
    /** Names that the package has already. */
    taken: readonly string[],
  ) {
    for (const name of taken) this.#names.add(name)
    const variants = variantsOf(trace)
    const named = variants.map((variant) => {
      for (const run of variant.runs) this.#roles.set(run, variant.role)
      const block = variant.runs[0]?.at.block.name.text ?? ''
      return { ...variant, name: variant.role === 'method' ? block : this.#unique(block, variant.role) }
    })
    for (const { role, runs, name } of named) if (role !== 'method') this.#write(name, role, runs)
  }

  #unique(block: string, role: Role): string {
    const base =
      role === 'function' ? variableName(block) : className(block) + (role === 'down' || role === 'up' ? 'Level' : '')
    for (let i = 1; ; i++) {
      const name = i === 1 ? base : `${base}${i}`
      if (this.#names.has(name)) continue
      this.#names.add(name)
      return name
    }
  }

  roleOf(run: BlockRun): Role {
    return this.#roles.get(run) ?? 'module'
  }

  entryOf(run: BlockRun): Entry {
    const entry = this.#entryOf.get(run)
    if (entry === undefined) throw new Error('a block is used before it is written')
    return entry
  }

  /** The Python name of a variable of a block. */
  variable(name: string): string {
    return variableName(name, (other) => this.#names.has(other))
  }

  #write(name: string, role: Role, runs: readonly BlockRun[]): void {
    const [first] = runs
    if (first === undefined) return
    const host = new Host(runs.length, (path) => this.#children(runs, path), this.#children(runs, []))
    const body = new Body(
      host,
      this,
      first.at.block,
      runs.map((run) => [run]),
    )
    const isFunction = role === 'function'
    const given = this.#translate(body, isFunction ? 'function' : 'module')
    const entry: Entry = { name, role, runs, host: isFunction ? undefined : host, arguments: given, body }
    this.entries.push(entry)
    for (const run of runs) this.#entryOf.set(run, entry)
  }

  /** Names in the checkpoint below a path, in any of the runs, in the published order. */
  #children(runs: readonly BlockRun[], path: readonly string[]): string[] {
    const lists = runs.map((run) => {
      const prefix = [run.at.path, ...path].filter((part) => part !== '').join('.')
      const start = prefix === '' ? '' : `${prefix}.`
      const below = this.parameters.filter(({ name }) => name.startsWith(start))
      return [...new Set(below.map(({ name }) => name.slice(start.length).split('.')[0] ?? ''))]
    })
    return [...new Set(lists.sort((a, b) => b.length - a.length).flat())]
  }

  /** Translates a body; the result are the parameters that it needs each time, in the order of the definition. */
  #translate(body: Body, role: 'module' | 'function' | 'method'): string[] {
    const runs = body.runs.flat()
    const { parameters } = body.block
    for (const { name, default: standard } of parameters) {
      const values = body.runs.map((same) => same[0]?.at.given.get(name.text))
      const known = values.filter((value) => value !== undefined)
      if (known.some(isDynamic) || known.every(({ kind }) => kind === 'none' || kind === 'word')) continue
      if (role === 'module') body.host.parameter(name.text, values.map(scalarOf), standard?.kind === 'number')
      body.bindings.set(name.text, binding(role))
    }
    const own = new Map(body.bindings)
    body.statements(body.block.body)
    return parameters.flatMap(({ name }) => {
      const isConstructor = own.get(name.text)?.kind === 'constructor'
      const isNone = runs.every((run) => run.at.given.get(name.text)?.kind === 'none')
      return body.used.has(name.text) && !isConstructor && !isNone ? [name.text] : []
    })
  }

  /** Writes a body as a method of its host. */
  define(body: Body, name: string, role: 'method'): { lines: string[]; arguments: string[] } {
    const given = this.#translate(body, role)
    return { lines: this.method(body, name, given, commentOf(body.block, this.sources)), arguments: given }
  }

  /** A `def` with its body. */
  method(
    body: Body,
    name: string,
    given: readonly string[],
    comment: string | undefined,
    isFunction = false,
  ): string[] {
    const types = given.map((parameter) => `${this.variable(parameter)}: ${typeOf(body, parameter)}`)
    const result = resultType(body.runs.flat().map((run) => run.result))
    const head = listed(
      `def ${name}(`,
      [...(isFunction ? [] : ['self']), ...types],
      `) -> ${result}:`,
      isFunction ? 0 : 1,
    )
    const shapes = comment?.includes('[') ? undefined : shapesOf(body, given)
    const doc = (name === 'forward' ? shapes : comment) ?? ''
    const lines = withSizes(body, given, withoutUnused(body.lines), comment)
    return [...head, ...indented([...(doc === '' ? [] : docstring(doc, isFunction ? 1 : 2)), ...lines])]
  }

  /** A whole class or function. `given`: what its forward is given, where that is more than it needs. */
  render(entry: Entry, given: readonly string[] = entry.arguments): string[] {
    const { name, host, body } = entry
    const comment = commentOf(body.block, this.sources)
    if (host === undefined) return this.method(body, name, given, comment, true)
    return [
      `class ${name}(nn.Module):`,
      ...indented([
        ...docstring(comment ?? `The block \`${body.block.name.text}\`.`),
        '',
        ...constructor(host),
        ...this.method(body, 'forward', given, comment),
        ...host.methods.flatMap((method) => ['', ...method]),
      ]),
    ]
  }
}

/** Drops variables that only the constructor needs to know. */
function withoutUnused(lines: readonly string[]): string[] {
  const kept = lines.filter((line, i) => {
    const [, name] = /^\s*(\w+) = /.exec(line) ?? []
    return name === undefined || lines.some((other, k) => k !== i && new RegExp(`\\b${name}\\b`).test(other))
  })
  return kept.length === lines.length ? kept : withoutUnused(kept)
}

/** `__init__`, and an empty line behind it; nothing where there is nothing to make. */
export function constructor(host: Host): string[] {
  const made = host.construction()
  if (made.length === 0) return []
  const lines = made.flatMap((line) => line.split('\n'))
  return [
    ...listed('def __init__(', ['self', ...host.signature], ') -> None:', 1),
    ...indented(['super().__init__()', ...lines]),
    '',
  ]
}

function binding(role: 'module' | 'function' | 'method'): Binding {
  return role === 'module' ? { kind: 'constructor' } : { kind: 'argument' }
}

function typeOf(body: Body, parameter: string): string {
  const values = body.runs.flat().map((run) => run.at.given.get(parameter))
  if (values.some((value) => value?.kind === 'tensor')) return 'Tensor'
  if (values.some((value) => value?.kind === 'list')) return 'tuple[int, ...]'
  return new ConstructorParameter(parameter, values.map(scalarOf), false).type
}

function resultType(results: readonly (BlockValue | undefined)[]): string {
  if (results.some((value) => value?.kind === 'list')) return 'tuple[Tensor, ...]'
  return results.some((value) => value?.kind === 'tensor') ? 'Tensor' : 'int'
}

/** `x: [batch, channels, height, width]. Result: ...` from what was seen. */
function shapesOf(body: Body, given: readonly string[]): string | undefined {
  const show = (values: readonly (BlockValue | undefined)[]): string | undefined => {
    const shapes = values.flatMap((value) =>
      value?.kind === 'tensor' ? [value.tensor.type.shape.map(showDimension)] : [],
    )
    const [first] = shapes
    if (!first || shapes.length < values.length) return undefined
    const names = axisNames[first.length] ?? first.map((_, i) => `size ${i}`)
    const same = shapes.every((shape) => shape.length === first.length)
    return same
      ? `[${first.map((size, i) => (shapes.every((shape) => shape[i] === size) ? size : names[i])).join(', ')}]`
      : undefined
  }
  const runs = body.runs.flat()
  const parts = given.flatMap((name) => {
    const shape = show(runs.map((run) => run.at.given.get(name)))
    return shape ? [`${name}: ${shape}`] : []
  })
  const result = show(runs.map((run) => run.result))
  return parts.length === 0 || !result ? undefined : `${parts.join(', ')}. Result: ${result}.`
}

const axisNames: Readonly<Record<number, readonly string[]>> = {
  2: ['batch', 'features'],
  3: ['batch', 'tokens', 'features'],
  4: ['batch', 'channels', 'height', 'width'],
}
