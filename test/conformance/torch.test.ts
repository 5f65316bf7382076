/**
 * Every recorded case in the generated PyTorch package, on one thread. Measured here (PyTorch 2.13): predictions 2.0e-6
 * at most, gradients 6.3e-6, losses 2e-7, samples 3.4e-6, parameters after four steps 9e-5.
 */
import { afterAll, describe, expect, it } from 'vitest'
import { disk } from '../../cli/sources.js'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { TorchEngine } from '../../runtime/torch/engine.js'
import { verifyCase } from '../../runtime/verify/verify.js'
import { hasTorch } from '../torch/found.js'
import { denoisers, folderOf, processes, variants } from './cases.js'
import { expectGradients } from './verify.js'

const engine = new TorchEngine()
afterAll(() => engine.close())

async function verified(name: string) {
  const found = new DiagnosticList()
  const options = { engine, device: 'cpu', threads: 1, host: disk, report: found.report }
  const result = await verifyCase(folderOf(name), options)
  expect(found.all).toEqual([])
  expect(result).toMatchObject({ engine: 'torch', passed: true })
  return result?.tensors ?? []
}

/** Near what is measured. */
const closest = (name: string, tensor: string) => {
  if (/^(unet|nested|video)/.test(name)) return 6e-6
  if (name === 'schedules') return 1e-7
  if (name.startsWith('loss')) return 1e-6
  if (!name.startsWith('train')) return 1e-5
  return tensor.endsWith('qkv.bias') ? 1e-3 : 5e-5
}

describe.skipIf(!hasTorch)('torch', () => {
  it.each([...denoisers, ...processes])('%s', async (name) => {
    const tensors = await verified(name)
    expect(tensors.length).toBeGreaterThan(0)
    if (!/^sample|^schedules/.test(name)) expectGradients(name, tensors)
    for (const { name: tensor, error, group } of tensors)
      if (group?.endsWith('gradients') !== true) expect(error, tensor).toBeLessThan(closest(name, tensor))
  })

  // Those with figures are in torch.slow.ts.
  const others = variants.filter((name) => !['S64', 'S64S256'].includes(name))
  it.each(others)('%s has the recorded parameters', async (name) => {
    expect(await verified(`full/${name}`)).toEqual([])
  })
})
