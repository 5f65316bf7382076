/** Every op: its numbers on every engine, its simpler form, its shape rule on any batch, its cost. */
import { describe, expect, it } from 'vitest'
import { evaluateShape } from '../../compiler/ir/dimension.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { assertValid } from '../../compiler/ir/verify.js'
import { opOf, ops, type OpName } from '../../compiler/ops/index.js'
import { decomposeOps } from '../../compiler/passes/decompose.js'
import type { Graph } from '../../compiler/ir/graph.js'
import { cases } from './cases/index.js'
import { engines, type EngineUnderTest } from './engines.js'
import { graphOf, type ComputingOp, type OpCase } from './op_case.js'
import { expectClose } from './tensors.js'

const sources: readonly OpName[] = ['input', 'parameter', 'constant']

function isComputing(name: string): name is ComputingOp {
  return name in cases
}

async function runOn({ engine, device }: EngineUnderTest, graph: Graph, test: OpCase): Promise<Tensor | undefined> {
  const session = await engine.prepare(graph, { read: () => Promise.reject(new Error('no weights')) }, { device })
  const given = graph.inputs.map(({ name }) => [name, test.inputs[name]] as const)
  const outputs = await session.run(Object.fromEntries(given.flatMap(([name, t]) => (t ? [[name, t]] : []))))
  await session.dispose()
  return outputs.result
}

/** The type rule on a batch of any size and the concrete result must agree. */
function expectShapeRule(graph: Graph, test: OpCase): void {
  const batch = test.batched?.[0]
  const size = batch === undefined ? 1 : (test.inputs[batch]?.shape[0] ?? 1)
  const [output] = graph.outputs
  expect(evaluateShape(output?.value.type.shape ?? [], { batch: size })).toEqual(test.expected.shape)
}

function expectFlops(name: OpName, test: OpCase): void {
  const shapes = Object.fromEntries(Object.entries(test.inputs).map(([input, { shape }]) => [input, shape]))
  const flops = opOf(name).flops?.(shapes, test.expected.shape, test.attributes ?? {}) ?? 0
  expect(Number.isInteger(flops) && flops >= 0).toBe(true)
  if (test.flops !== undefined) expect(flops).toBe(test.flops)
}

it('has cases for every op', () => {
  const without = Object.keys(ops).filter((name) => !isComputing(name) || cases[name].length === 0)
  expect(without.sort()).toEqual([...sources].sort())
})

for (const [name, tests] of Object.entries(cases)) {
  if (!isComputing(name)) continue
  describe(name, () => {
    describe.each(tests)('$title', (test) => {
      const graph = graphOf(name, test)
      it.each(engines)('on $engine.name, $device', async (under) => {
        expectClose(await runOn(under, graph, test), test.expected, under.tolerance)
      })
      if (opOf(name).decompose !== undefined) {
        it('by simpler ops', async () => {
          const lowered = decomposeOps([name]).run(graph)
          assertValid(lowered, 'decompose')
          expect(lowered.nodes.some(({ op }) => op === name)).toBe(false)
          for (const under of engines) expectClose(await runOn(under, lowered, test), test.expected, under.tolerance)
        })
      }
      it('has a shape and a cost', () => {
        assertValid(graph, 'building it')
        expectShapeRule(graph, test)
        expectFlops(name, test)
      })
    })
  })
}
