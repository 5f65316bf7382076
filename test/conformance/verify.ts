/** Verifying a recorded case as `mdmc verify` does. */
import { expect } from 'vitest'
import type { Engine } from '../../backends/engine.js'
import { disk } from '../../cli/sources.js'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { verifyCase } from '../../runtime/verify/verify.js'
import { folderOf, readCaseFile } from './cases.js'

/**
 * Runs the case; every tensor must be within the case's own tolerance and within `closest`, which is near what is
 * measured: two versions of PyTorch differ by 3e-6.
 */
export async function expectToConform(name: string, engine: Engine, closest: number, device = 'cpu'): Promise<void> {
  const found = new DiagnosticList()
  const result = await verifyCase(folderOf(name), { engine, device, host: disk, report: found.report })
  expect(found.all.map(({ message }) => message)).toEqual([])
  const { sizes, tolerance } = readCaseFile(name)
  expect(result).toMatchObject({ case: folderOf(name), engine: engine.name, passed: true })
  expect(result?.tensors.length).toBe(sizes.length)
  for (const tensor of result?.tensors ?? []) {
    expect(tensor.tolerance).toBe(tolerance)
    expect(tensor.error, tensor.name).toBeGreaterThan(0)
    expect(tensor.error, tensor.name).toBeLessThanOrEqual(Math.min(tolerance, closest))
  }
}
