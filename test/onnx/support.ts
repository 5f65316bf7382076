/** What the tests of the ONNX backend share: graphs of a few ops, their values by the ops' own evaluation, and files. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { GraphBuilder } from '../../compiler/ir/builder.js'
import type { Graph, Node, Value } from '../../compiler/ir/graph.js'
import type { Parameter } from '../../compiler/ir/parameter.js'
import { elementCount, floats, type Tensor } from '../../compiler/ir/tensor.js'
import type { Builder } from '../../compiler/ops/index.js'
import type { Engine, ParameterValues } from '../../backends/engine.js'
import { reference } from '../../backends/reference/engine.js'

// Tests that call ONNX Runtime directly report nothing either.
process.env.ORT_DISABLE_TELEMETRY ??= '1'

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
  readonly #values = new Map<string, Float32Array>()
  readonly b: Builder = this.#builder.b

  input(name: string, shape: Node['type']['shape'], dataType: Node['type']['dataType'] = 'float32'): Value {
    return this.#builder.input(name, { dataType, shape })
  }

  parameter(name: string, values: Tensor, trainable = true): Value {
    const parameter: Parameter = { name, shape: values.shape, initialiser: { kind: 'zeros' }, trainable }
    this.#parameters.push(parameter)
    this.#values.set(name, Float32Array.from(values.data))
    return this.#builder.add('parameter', {}, { parameter })
  }

  within(path: string): void {
    this.#builder.origin = { module: { path, kind: 'test', parent: undefined } }
  }

  /** The finished graph with its weights. */
  finish(outputs: Readonly<Record<string, Value>>): Network {
    const named = Object.entries(outputs).map(([name, value]) => ({ name, value }))
    const read = (name: string) => Promise.resolve(this.#values.get(name) ?? new Float32Array())
    return { graph: this.#builder.finish(named, this.#parameters), weights: { read } }
  }
}

/** A graph with the values of its parameters. */
export interface Network {
  readonly graph: Graph
  readonly weights: ParameterValues
}

/** The outputs by the ops' own evaluation. */
export async function evaluate({ graph, weights }: Network, inputs: Readonly<Record<string, Tensor>>) {
  return runOn(reference, 'cpu', { graph, weights }, inputs)
}

/** The outputs on a device of an engine; parameters of a graph that trains are given in each run. */
export async function runOn(
  engine: Engine,
  device: string,
  { graph, weights }: Network,
  inputs: Readonly<Record<string, Tensor>>,
  trains = false,
): Promise<Readonly<Record<string, Tensor>>> {
  const session = await engine.prepare(graph, weights, { device, trains })
  return session.run(inputs).finally(() => session.dispose())
}

/** The largest difference of two tensors, as a share of the largest number where that is above 1. */
export function difference(a: Tensor | undefined, b: Tensor | undefined): number {
  if (a === undefined || a.shape.join() !== b?.shape.join()) return Infinity
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

/** What ONNX Runtime prints while it loads models, warnings and errors, and the signal that ends it if it crashes. */
function printedAtLoad(paths: readonly string[]): string {
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', loader, ...paths], { encoding: 'utf8' })
  return run.stdout + run.stderr + (run.signal ?? '')
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

/** The files load silently and, where the ONNX checker is installed, pass it. */
export function expectSound(paths: readonly string[]): void {
  expect(printedAtLoad(paths)).toBe('')
  if (hasChecker) expect(checkerComplaints(paths)).toBe('')
}

/** Files that are to be sound; looked at together, since each program that looks takes a second to start. */
export class SoundFiles {
  readonly #paths: string[] = []

  add(...paths: readonly string[]): void {
    this.#paths.push(...paths)
  }

  expectSound(): void {
    expect(this.#paths).not.toEqual([])
    expectSound(this.#paths)
  }
}
