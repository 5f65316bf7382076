/** What the verifier finds in graphs that break a rule. */
import { describe, expect, it } from 'vitest'
import { symbol } from '../../compiler/ir/dimension.js'
import type { Graph, Node } from '../../compiler/ir/graph.js'
import { assertValid, verify } from '../../compiler/ir/verify.js'
import { graphOf, largeGraph, weight } from '../passes/graphs.js'

const valid = graphOf((x, b) => b.silu(b.mul(x, 2)))

/** The valid graph (input, constant, mul, silu) with one node changed, and its readers with it. */
function broken(at: number, change: Partial<Node>): Graph {
  const nodes: Node[] = []
  for (const [i, node] of valid.nodes.entries()) {
    const inputs = Object.entries(node.inputs).map(([name, { id }]) => [name, nodes[id] ?? node] as const)
    const copy = { ...node, inputs: Object.fromEntries(inputs) }
    nodes.push(i === at ? { ...copy, ...change } : copy)
  }
  const [x, , , y] = nodes
  if (x === undefined || y === undefined) throw new Error('the graph has four nodes')
  return { ...valid, nodes, inputs: [{ name: 'x', value: x }], outputs: [{ name: 'y', value: y }] }
}

const type = { dataType: 'float32', shape: [symbol('batch'), 4] } as const
const stray: Node = {
  id: 9,
  op: 'input',
  inputs: {},
  attributes: { name: 'z', ...type },
  type,
  module: { path: '', kind: 'test', parent: undefined },
}

describe('the verifier', () => {
  it('accepts what the builder makes', () => {
    expect(verify(valid)).toEqual([])
    expect(verify(broken(0, {}))).toEqual([])
    expect(verify(largeGraph(3))).toEqual([])
  })

  it.each<[string, Graph, RegExp]>([
    [
      'a wrong type',
      broken(2, { type: { dataType: 'float32', shape: [7] } }),
      /the op yields float32\[batch, 4\], in %2/,
    ],
    ['a missing input', broken(3, { op: 'add' }), /the input a is missing/],
    ['an unknown input', broken(1, { inputs: { y: stray } }), /the op has no input y/],
    ['a late definition', broken(2, { inputs: { a: stray, b: stray } }), /the input a is read before it is defined/],
    ['an id used twice', broken(1, { id: 0 }), /the id 0 is used twice/],
    ['an unlisted input', { ...valid, inputs: [] }, /the graph does not list the input/],
    [
      'an input under another name',
      { ...valid, inputs: valid.inputs.map(({ value }) => ({ name: 'q', value })) },
      /q is no input node/,
    ],
    ['an output from elsewhere', { ...valid, outputs: [{ name: 'y', value: stray }] }, /the output y is not among/],
    ['one output name twice', { ...valid, outputs: [...valid.outputs, ...valid.outputs] }, /outputs have the name y/],
    [
      'one parameter name twice',
      { ...valid, parameters: [weight('w', [1]), weight('w', [2])] },
      /parameters have the name w/,
    ],
    [
      'an unlisted parameter',
      { ...largeGraph(1), parameters: [] },
      /does not list the parameter blocks\.0\.norm0\.weight/,
    ],
    [
      'a parameter listed with another shape',
      { ...largeGraph(1), parameters: largeGraph(1).parameters.map(({ name }) => weight(name, [1])) },
      /is listed with another shape/,
    ],
  ])('finds %s', (_, graph, problem) => {
    expect(verify(graph).join('\n')).toMatch(problem)
    expect(() => assertValid(graph, 'a test')).toThrow(/internal error: graph \w+ after a test/)
  })
})
