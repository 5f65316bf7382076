/** Cuts a graph in two: what depends on some inputs alone, computed once, and all the rest, computed again and again. */
import { InternalError } from '../diagnostics/internal.js'
import { GraphBuilder } from '../ir/builder.js'
import { parameterOf, type Graph, type NamedValue, type Node, type Value } from '../ir/graph.js'
import { eliminateDead } from './eliminate_dead.js'

export interface SplitGraph {
  /** From the chosen inputs to the values that the rest needs. */
  readonly once: Graph
  /** From the other inputs and those values to the outputs. */
  readonly rest: Graph
}

/** Splits after the nodes that depend on no other inputs than `names`. Undefined where there is no such node. */
export function splitAfter(graph: Graph, names: readonly string[]): SplitGraph | undefined {
  const chosen = new Set(graph.inputs.filter(({ name }) => names.includes(name)).map(({ value }) => value))
  // Constants and parameters alone depend on nothing: they go wherever they are read.
  const early = new Set<Node>(chosen)
  const free = new Set<Node>()
  for (const node of graph.nodes) {
    const inputs = Object.values(node.inputs)
    if (node.op !== 'input' && inputs.every((input) => free.has(input))) free.add(node)
    else if (inputs.length > 0 && inputs.every((input) => free.has(input) || early.has(input))) early.add(node)
  }
  const frontier = new Set<Value>()
  for (const node of graph.nodes) {
    if (early.has(node) || free.has(node)) continue
    for (const input of Object.values(node.inputs)) if (early.has(input)) frontier.add(input)
  }
  for (const { value } of graph.outputs) if (early.has(value)) frontier.add(value)
  if (frontier.size === 0) return undefined
  const passed = named([...frontier])
  const keepsInput = (value: Value) => chosen.has(value)
  const once = eliminateDead.run({
    ...graph,
    name: `${graph.name}_condition`,
    inputs: graph.inputs.filter(({ value }) => chosen.has(value)),
    outputs: passed.filter(({ value }) => !keepsInput(value)),
  })
  return {
    once: withOwnParameters(withOwnInputs(once)),
    rest: withOwnParameters(continueFrom(graph, passed, keepsInput)),
  }
}

/** Names for the values that cross: by the module they come from, numbered where one module passes several. */
function named(values: readonly Value[]): NamedValue[] {
  const count = new Map<string, number>()
  return values.map((value) => {
    const base =
      value.op === 'input' && typeof value.attributes.name === 'string'
        ? value.attributes.name
        : value.module.path === ''
          ? 'condition'
          : value.module.path
    const index = count.get(base) ?? 0
    count.set(base, index + 1)
    return { name: index === 0 ? base : `${base}.${index}`, value }
  })
}

/** The graph with the values that cross as inputs. */
function continueFrom(graph: Graph, passed: readonly NamedValue[], keepsInput: (value: Value) => boolean): Graph {
  const firstId = graph.nodes.reduce((next, { id }) => Math.max(next, id + 1), 0)
  const builder = new GraphBuilder(graph.name, undefined, firstId)
  const replaced = new Map<Node, Value>()
  const inputs = new Map(graph.inputs.map(({ name, value }) => [value, name]))
  const crossing = new Map(passed.filter(({ value }) => !keepsInput(value)).map(({ name, value }) => [value, name]))
  for (const node of graph.nodes) {
    builder.origin = { module: node.module }
    const name = crossing.get(node)
    if (name !== undefined) {
      replaced.set(node, builder.input(name, node.type))
      continue
    }
    const given = Object.fromEntries(Object.entries(node.inputs).map(([input, value]) => [input, now(replaced, value)]))
    const placed = builder.place({ ...node, inputs: given })
    const inputName = inputs.get(node)
    if (inputName !== undefined) builder.declareInput(inputName, placed)
    replaced.set(node, placed)
  }
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: now(replaced, value) }))
  return withOwnInputs(eliminateDead.run(builder.finish(outputs, graph.parameters)))
}

function now(replaced: ReadonlyMap<Node, Value>, value: Value): Value {
  const found = replaced.get(value)
  if (found === undefined) throw new InternalError('a value is read before it is defined')
  return found
}

/** Drops inputs that nothing reads. */
function withOwnInputs(graph: Graph): Graph {
  const read = new Set(graph.nodes.flatMap((node) => Object.values(node.inputs)))
  const inputs = graph.inputs.filter(
    ({ value }) => read.has(value) || graph.outputs.some((output) => output.value === value),
  )
  return {
    ...graph,
    inputs,
    nodes: graph.nodes.filter((node) => node.op !== 'input' || inputs.some(({ value }) => value === node)),
  }
}

/** Lists only the parameters that the part reads. */
function withOwnParameters(graph: Graph): Graph {
  const read = new Set(graph.nodes.flatMap((node) => parameterOf(node)?.name ?? []))
  return { ...graph, parameters: graph.parameters.filter(({ name }) => read.has(name)) }
}
