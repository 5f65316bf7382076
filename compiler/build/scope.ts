/** The model's tree of modules while it is built, and from it the parameters in their published order. */
import type { Module } from '../ir/graph.js'
import type { Initialiser, Parameter } from '../ir/parameter.js'

export class Scope implements Module {
  readonly #children = new Map<string, Scope>()
  readonly #parameters: Parameter[] = []
  #order: readonly string[] = []

  constructor(
    readonly path: string,
    readonly kind: string,
    readonly parent: Scope | undefined,
  ) {}

  /** The module at a dotted path below this one; made, with this kind, where it does not exist yet. */
  child(path: string, kind: string): Scope {
    return path
      .split('.')
      .reduce<Scope>((scope, name, i, all) => scope.#child(name, i === all.length - 1 ? kind : ''), this)
  }

  #child(name: string, kind: string): Scope {
    const known = this.#children.get(name)
    if (known) return known
    const made = new Scope(this.#join(name), kind, this)
    this.#children.set(name, made)
    return made
  }

  #join(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`
  }

  /** Whether a parameter of this module has this name. */
  has(name: string): boolean {
    return this.#parameters.some((parameter) => parameter.name === this.#join(name))
  }

  parameter(name: string, shape: readonly number[], initialiser: Initialiser, trainable = true): Parameter {
    const parameter: Parameter = { name: this.#join(name), shape, initialiser, trainable }
    this.#parameters.push(parameter)
    return parameter
  }

  /** Says in which order children are listed; those not named follow in the order in which they were made. */
  order(names: readonly string[]): void {
    this.#order = names
  }

  /** All parameters of this module and those below it. */
  parameters(): Parameter[] {
    const names = new Set([...this.#order, ...this.#children.keys()])
    return [...this.#parameters, ...[...names].flatMap((name) => this.#children.get(name)?.parameters() ?? [])]
  }
}
