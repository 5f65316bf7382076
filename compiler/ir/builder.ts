/** Builds a graph: one method per op, each checking shapes as it adds its node. */
import { opOf, ops, type Builder, type OpName } from '../ops/index.js'
import type { Span } from '../diagnostics/diagnostic.js'
import type { Attributes, Graph, Module, NamedValue, Node, Value } from './graph.js'
import type { Parameter } from './parameter.js'
import { floats, type Tensor } from './tensor.js'

/** Where the nodes that are being added belong. */
export interface Origin {
  readonly module: Module
  readonly span?: Span
}

/** What to put in the place of a node that is about to be added, or nothing to add it as it is. */
export type Rule = (node: Node, b: Builder) => Value | undefined

export class GraphBuilder {
  readonly #nodes: Node[] = []
  readonly #rule: Rule | undefined
  #nextId: number
  readonly #inputs: NamedValue[] = []
  /** Set by whoever builds, so that nodes know where they come from. */
  origin: Origin

  /** The ops as methods. */
  readonly b: Builder

  /** A rule sees every node first, also those that its own replacements are made of; new ids start at `firstId`. */
  constructor(
    readonly name: string,
    rule?: Rule,
    firstId = 0,
  ) {
    this.#rule = rule
    this.#nextId = firstId
    this.origin = { module: { path: '', kind: name, parent: undefined } }
    this.b = this.#methods()
  }

  /** A builder that goes on where a graph ends: its nodes and inputs are there already. */
  static extend(graph: Graph): GraphBuilder {
    const firstId = graph.nodes.reduce((next, { id }) => Math.max(next, id + 1), 0)
    const builder = new GraphBuilder(graph.name, undefined, firstId)
    for (const node of graph.nodes) builder.place(node)
    for (const { name, value } of graph.inputs) builder.declareInput(name, value)
    return builder
  }

  /** How many nodes there are. */
  get size(): number {
    return this.#nodes.length
  }

  /** Runs `make`; the nodes that it adds come from there. */
  within<T>(origin: Partial<Origin>, make: () => T): T {
    const before = this.origin
    this.origin = { ...before, ...origin }
    try {
      return make()
    } finally {
      this.origin = before
    }
  }

  /** Adds a node. Throws ShapeError where the inputs do not fit. */
  add(op: OpName, inputs: Readonly<Record<string, Value>>, attributes: Attributes): Value {
    const types = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, value.type]))
    const type = opOf(op).infer(types, attributes)
    const { module, span } = this.origin
    return this.place({ id: this.#nextId++, op, inputs, attributes, type, module, ...(span ? { span } : {}) })
  }

  /** Adds a finished node, or what the rule puts in its place. */
  place(node: Node): Value {
    const replacement = this.#rule?.(node, this.b)
    if (replacement !== undefined) return replacement
    this.#nodes.push(node)
    return node
  }

  input(name: string, type: Node['type']): Value {
    return this.declareInput(name, this.add('input', {}, { name, ...type }))
  }

  /** Makes an added node an input of the graph. */
  declareInput(name: string, value: Value): Value {
    this.#inputs.push({ name, value })
    return value
  }

  finish(outputs: readonly NamedValue[], parameters: readonly Parameter[]): Graph {
    return { name: this.name, inputs: this.#inputs, outputs, nodes: this.#nodes, parameters }
  }

  #methods(): Builder {
    const tensor = (value: Tensor) => this.add('constant', {}, { tensor: value })
    const scalar = (value: number) => tensor(floats([], [value]))
    const methods = Object.entries(ops).map(([name, { inputs: names }]) => {
      const method = (...args: readonly (Value | number | Attributes | undefined)[]) => {
        const inputs: Record<string, Value> = {}
        names.forEach((input, i) => {
          const value = args[i] as Value | number | undefined
          if (value !== undefined) inputs[input.replace('?', '')] = typeof value === 'number' ? scalar(value) : value
        })
        return this.add(name as OpName, inputs, (args[names.length] ?? {}) as Attributes)
      }
      return [name, method]
    })
    return { ...Object.fromEntries(methods), scalar, tensor } as Builder
  }
}
