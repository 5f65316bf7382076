/** What the tests of the ONNX backend share: graphs of a few ops, their values by the ops' own evaluation, and files. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { GraphBuilder } from '../../compiler/ir/builder.js'
import { evaluateShape, type Bindings } from '../../compiler/ir/dimension.js'
import { constantOf, parameterOf, type Graph, type Node, type Value } from '../../compiler/ir/graph.js'
import type { Parameter } from '../../compiler/ir/parameter.js'
import { elementCount, floats, type Tensor } from '../../compiler/ir/tensor.js'
import { opOf, type Builder } from '../../compiler/ops/index.js'
import type { ParameterValues } from '../../backends/engine.js'
import { bindInputs } from '../../backends/inputs.js'

/** Reproducible numbers with mean 0 and deviation 1 or so. */
export function noise(shape: readonly number[], seed = 1, mean = 0): Tensor {
  let state = seed * 2654435761
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  const values = Array.from({ length: elementCount(shape) }, () => (uniform() + uniform() + uniform() - 1.5) * 2 + mean)
  return floats(shape, values)
}

/** A graph that is built by naming parameters where they are used. */
export class TestGraph {
  readonly #builder = new GraphBuilder('test')
  readonly #parameters: Parameter[] = []
  readonly values = new Map<string, Float32Array>()
  readonly b: Builder = this.#builder.b

  input(name: string, shape: Node['type']['shape'], dataType: Node['type']['dataType'] = 'float32'): Value {
    return this.#builder.input(name, { dataType, shape })
  }

  parameter(name: string, values: Tensor, trainable = true): Value {
    const parameter: Parameter = { name, shape: values.shape, initialiser: { kind: 'zeros' }, trainable }
    this.#parameters.push(parameter)
    this.values.set(name, Float32Array.from(values.data))
    return this.#builder.add('parameter', {}, { parameter })
  }

  within(path: string): void {
    this.#builder.origin = { module: { path, kind: 'test', parent: undefined } }
  }

  finish(outputs: Readonly<Record<string, Value>>): Graph {
    const named = Object.entries(outputs).map(([name, value]) => ({ name, value }))
    return this.#builder.finish(named, this.#parameters)
  }

  get weights(): ParameterValues {
    return { read: (name) => Promise.resolve(this.values.get(name) ?? new Float32Array()) }
  }
}

/** The outputs by the ops' own evaluation. */
export function evaluate(
  { graph, values }: { readonly graph: Graph; readonly values: ReadonlyMap<string, Float32Array> },
  inputs: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const bindings: Bindings = bindInputs(graph, inputs)
  const results = new Map<Node, Tensor>()
  for (const { name, value } of graph.inputs) results.set(value, inputs[name] ?? floats([0]))
  for (const node of graph.nodes) {
    if (results.has(node)) continue
    const parameter = parameterOf(node)
    const stored = parameter && { shape: parameter.shape, data: values.get(parameter.name) ?? new Float32Array() }
    const given = Object.entries(node.inputs).map(([name, value]) => [name, results.get(value)])
    const computed = () =>
      opOf(node.op).evaluate(Object.fromEntries(given), node.attributes, evaluateShape(node.type.shape, bindings))
    results.set(node, stored ?? constantOf(node) ?? computed())
  }
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, results.get(value) ?? floats([0])]))
}

/** The largest difference of two tensors, as a share of the largest number where that is above 1. */
export function difference(a: Tensor | undefined, b: Tensor | undefined): number {
  if (a === undefined || b === undefined || a.shape.join() !== b.shape.join()) return Infinity
  let largest = 1
  let apart = 0
  a.data.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value))
    const distance = Math.abs(value - (b.data[i] ?? NaN))
    apart = Number.isNaN(distance) ? Infinity : Math.max(apart, distance)
  })
  return apart / largest
}

/** A folder that lasts as long as the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mdmc-test-'))
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

const loader = `
  import { InferenceSession } from 'onnxruntime-node'
  for (const path of process.argv.slice(1)) await InferenceSession.create(path, { logSeverityLevel: 2 })
`

/** What ONNX Runtime prints while it loads models: warnings and errors. */
export function printedAtLoad(paths: readonly string[]): string {
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', loader, ...paths], { encoding: 'utf8' })
  return run.stdout + run.stderr
}

export const hasChecker = spawnSync('python3', ['-c', 'import onnx']).status === 0
if (!hasChecker) console.log('skipped: the ONNX checker needs python3 with the package onnx')

const checker = `
import onnx, sys
for path in sys.argv[1:]: onnx.checker.check_model(path, full_check=True)
`

/** What the ONNX checker, with full shape inference, has against the models. */
export function checkerComplaints(paths: readonly string[]): string {
  const run = spawnSync('python3', ['-c', checker, ...paths], { encoding: 'utf8' })
  return run.status === 0 ? '' : run.stderr
}
