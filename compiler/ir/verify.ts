/** The rules that every graph keeps. Checked after each pass in tests, and where a backend takes a graph over. */
import { InternalError } from '../diagnostics/internal.js'
import { opOf } from '../ops/index.js'
import { ShapeError } from '../ops/op.js'
import { sameShape } from './dimension.js'
import { parameterOf, type Graph, type Node } from './graph.js'
import type { Parameter } from './parameter.js'
import { printNode } from './print.js'
import { sameType, showType, type TensorType } from './tensor.js'

/** What is wrong with a graph, in words; nothing for a valid one. */
export function verify(graph: Graph): string[] {
  const problems = [
    ...repeated(graph.inputs, 'input'),
    ...repeated(graph.outputs, 'output'),
    ...repeated(graph.parameters, 'parameter'),
  ]
  const parameters = new Map(graph.parameters.map((parameter) => [parameter.name, parameter]))
  const inputs = new Set(graph.inputs.map(({ value }) => value))
  const defined = new Set<Node>()
  const ids = new Set<number>()
  for (const node of graph.nodes) {
    const found = problemsOfInputs(node, defined)
    if (found.length === 0) found.push(...problemsOfType(node))
    if (ids.has(node.id)) found.push(`the id ${node.id} is used twice`)
    if (node.op === 'input' && !inputs.has(node)) found.push('the graph does not list the input')
    if (node.op === 'parameter') found.push(...problemsOfParameter(parameterOf(node), parameters))
    for (const problem of found) problems.push(`${problem}, in ${printNode(node)}`)
    defined.add(node)
    ids.add(node.id)
  }
  for (const { name, value } of graph.inputs) {
    if (value.op !== 'input' || value.attributes.name !== name) problems.push(`${name} is no input node of that name`)
    if (!defined.has(value)) problems.push(`the input ${name} is not among the nodes`)
  }
  for (const { name, value } of graph.outputs) {
    if (!defined.has(value)) problems.push(`the output ${name} is not among the nodes`)
  }
  return problems
}

/** Throws InternalError where a graph breaks a rule; `after` says what made the graph. */
export function assertValid(graph: Graph, after: string): void {
  const problems = verify(graph)
  if (problems.length > 0) throw new InternalError(`graph ${graph.name} after ${after}: ${problems.join('; ')}`)
}

function repeated(named: readonly { readonly name: string }[], what: string): string[] {
  const seen = new Set<string>()
  return named
    .filter(({ name }) => seen.size === seen.add(name).size)
    .map(({ name }) => `two of the graph's ${what}s have the name ${name}`)
}

function problemsOfInputs(node: Node, defined: ReadonlySet<Node>): string[] {
  const declared = opOf(node.op).inputs
  const missing = declared.filter((name) => !name.endsWith('?') && node.inputs[name] === undefined)
  const given = Object.entries(node.inputs)
  const unknown = given.filter(([name]) => !declared.includes(name) && !declared.includes(`${name}?`))
  const early = given.filter(([, value]) => !defined.has(value))
  return [
    ...missing.map((name) => `the input ${name} is missing`),
    ...unknown.map(([name]) => `the op has no input ${name}`),
    ...early.map(([name]) => `the input ${name} is read before it is defined`),
  ]
}

function problemsOfType(node: Node): string[] {
  const types: Record<string, TensorType> = {}
  for (const [name, { type }] of Object.entries(node.inputs)) types[name] = type
  try {
    const type = opOf(node.op).infer(types, node.attributes)
    return sameType(type, node.type) ? [] : [`the op yields ${showType(type)}`]
  } catch (error) {
    if (error instanceof ShapeError) return [error.message]
    throw error
  }
}

function problemsOfParameter(read: Parameter | undefined, listing: ReadonlyMap<string, Parameter>): string[] {
  if (read === undefined) return ['a parameter node has no parameter']
  const listed = listing.get(read.name)
  if (listed === undefined) return [`the graph does not list the parameter ${read.name}`]
  return sameShape(listed.shape, read.shape) ? [] : [`the parameter ${read.name} is listed with another shape`]
}
