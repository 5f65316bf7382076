/** Verifying a recorded case as `mdmc verify` does. */
import { expect } from 'vitest'
import type { Engine } from '../../backends/engine.js'
import type { ModelEngine } from '../../runtime/verify/subject.js'
import { disk } from '../../cli/sources.js'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import type { TensorResult } from '../../runtime/verify/figures.js'
import { verifyCase } from '../../runtime/verify/verify.js'
import { folderOf, readCaseFile } from './cases.js'

/**
 * Runs the case; every tensor must be within the case's own tolerance and within `closest`, which is near what is
 * measured: two versions of PyTorch differ by 3e-6.
 */
export async function expectToConform(
  name: string,
  engine: Engine | ModelEngine,
  closest: number,
  device = 'cpu',
): Promise<void> {
  const found = new DiagnosticList()
  const result = await verifyCase(folderOf(name), { engine, device, host: disk, report: found.report })
  expect(found.all.map(({ message }) => message)).toEqual([])
  const { sizes, tolerance } = readCaseFile(name)
  expect(result).toMatchObject({ case: folderOf(name), engine: engine.name, passed: true })
  const tensors = result?.tensors ?? []
  expect(tensors.filter(({ group }) => group === undefined).length).toBe(sizes.length)
  expectGradients(name, tensors)
  for (const tensor of tensors.filter(({ group }) => group === undefined)) {
    expect(tensor.tolerance).toBe(tolerance)
    expect(tensor.error, tensor.name).toBeGreaterThan(0)
    expect(tensor.error, tensor.name).toBeLessThanOrEqual(Math.min(tolerance, closest))
  }
}

/** Largest errors of digests of gradients, near what is measured (2 cores, both engines and WebGPU over SwiftShader). */
const closestGradient = 3e-5
const closestVanishing = 1e-6

/** Every recorded gradient is there, and close; those that vanish in exact arithmetic are as small as rounding. */
export function expectGradients(name: string, tensors: readonly TensorResult[]): void {
  const file = readCaseFile(name)
  const [first] = file.steps ?? []
  const recorded = { ...(file.gradients ?? first?.gradients), ...file.input_gradients }
  const found = tensors.filter(({ group }) => group?.endsWith('gradients') === true)
  expect(found.map((tensor) => tensor.name).sort()).toEqual(Object.keys(recorded).sort())
  for (const { name: tensor, error, group } of found)
    expect(error, tensor).toBeLessThanOrEqual(group === 'gradients' ? closestGradient : closestVanishing)
}
