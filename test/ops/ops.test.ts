/** Every op: its numbers and its gradients on every engine, its simpler form, its shape rule on any batch, its cost. */
import { describe, expect, it } from 'vitest'
import type { Session } from '../../backends/engine.js'
import { evaluateDimension, evaluateShape, type Dimension, type Shape } from '../../compiler/ir/dimension.js'
import type { Tensor } from '../../compiler/ir/tensor.js'
import { assertValid } from '../../compiler/ir/verify.js'
import { opOf, ops, type OpName } from '../../compiler/ops/index.js'
import { decomposeOps } from '../../compiler/passes/decompose.js'
import type { Graph } from '../../compiler/ir/graph.js'
import { gradientName } from '../../compiler/training.js'
import { cases } from './cases/index.js'
import { engines, type EngineUnderTest } from './engines.js'
import { expectGradient, withInputGradients } from './gradients.js'
import { graphOf, type ComputingOp, type OpCase } from './op_case.js'
import { expectClose, randn } from './tensors.js'

const sources: readonly OpName[] = ['input', 'parameter', 'constant']

function isComputing(name: string): name is ComputingOp {
  return name in cases
}

type Tensors = Readonly<Record<string, Tensor>>

function prepare({ engine, device }: EngineUnderTest, graph: Graph): Promise<Session> {
  return engine.prepare(graph, { read: () => Promise.reject(new Error('no weights')) }, { device })
}

async function runOn(under: EngineUnderTest, graph: Graph, inputs: Tensors): Promise<Tensors> {
  const session = await prepare(under, graph)
  return session.run(inputs).finally(() => session.dispose())
}

/** Inputs of real numbers that have no gradient: the result does not depend on them, or only in steps. */
const withoutGradient: Readonly<Partial<Record<OpName, readonly string[]>>> = { after: ['signal'], attention: ['mask'] }

function differentiable(name: OpName, { inputs }: OpCase): string[] {
  const real = Object.keys(inputs).filter((input) => inputs[input]?.data instanceof Float32Array)
  return real.filter((input) => withoutGradient[name]?.includes(input) !== true)
}

/** The weights of the results in the scalar whose gradients are checked. */
function weightsFor({ expected }: OpCase): Tensor {
  return randn(expected.shape, 11)
}

async function gradientsOn(under: EngineUnderTest, graph: Graph, test: OpCase): Promise<Tensors> {
  const outputs = await runOn(under, withInputGradients(graph), { ...test.inputs, seed: weightsFor(test) })
  return Object.fromEntries(Object.entries(outputs).filter(([name]) => name !== 'result'))
}

function describeGradients(name: ComputingOp, test: OpCase): void {
  const graph = graphOf(name, test)
  it.each(engines)('has gradients on $engine.name, $device', async (under) => {
    const found = await gradientsOn(under, graph, test)
    const names = differentiable(name, test)
    expect(Object.keys(found)).toEqual(names.map(gradientName))
    const session = await prepare(under, graph)
    const run = async (inputs: Tensors) => (await session.run(inputs)).result
    for (const input of names)
      await expectGradient(run, test.inputs, input, weightsFor(test), found[gradientName(input)])
    await session.dispose()
  })
  it('has the same gradients in a batch of any size', async () => {
    for (const under of engines) {
      const fixed = await gradientsOn(under, graphOf(name, withSizes(test)), test)
      expect(await gradientsOn(under, graph, test)).toEqual(fixed)
    }
  })
  if (opOf(name).decompose === undefined) return
  it('has the gradients of its simpler form', async () => {
    for (const under of engines) {
      const [found, expected] = [
        await gradientsOn(under, graph, test),
        await gradientsOn(under, decomposeOps([name]).run(graph), test),
      ]
      for (const input of differentiable(name, test)) {
        const wanted = expected[gradientName(input)]
        if (wanted === undefined) throw new Error(`the simpler form has no gradient for ${input}`)
        expectClose(found[gradientName(input)], wanted, 1e-5)
      }
    }
  })
}

/** The case with every size known, in its attributes too. */
function withSizes(test: OpCase): OpCase {
  const [first] = test.batched ?? []
  const batch = first === undefined ? 1 : (test.inputs[first]?.shape[0] ?? 1)
  const { shape, to } = (test.attributes ?? {}) as { readonly shape?: Shape; readonly to?: Dimension }
  const sizes = {
    ...(shape === undefined ? {} : { shape: evaluateShape(shape, { batch }) }),
    ...(to === undefined ? {} : { to: evaluateDimension(to, { batch }) }),
  }
  return { ...test, batched: [], attributes: { ...test.attributes, ...sizes } }
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
        expectClose((await runOn(under, graph, test.inputs)).result, test.expected, under.tolerance)
      })
      if (opOf(name).decompose !== undefined) {
        it('by simpler ops', async () => {
          const lowered = decomposeOps([name]).run(graph)
          assertValid(lowered, 'decompose')
          expect(lowered.nodes.some(({ op }) => op === name)).toBe(false)
          for (const under of engines)
            expectClose((await runOn(under, lowered, test.inputs)).result, test.expected, under.tolerance)
        })
      }
      it('has a shape and a cost', () => {
        assertValid(graph, 'building it')
        expectShapeRule(graph, test)
        expectFlops(name, test)
      })
      if (typeof opOf(name).gradient === 'function' && differentiable(name, test).length > 0)
        describeGradients(name, test)
    })
    const { gradient } = opOf(name)
    if (typeof gradient !== 'function') {
      it('says why it has no gradient', () => expect(gradient.reason).toMatch(/^[a-z]+( \S+){3,}$/))
    }
  })
}
