/** The models of full size with recorded figures, in generated packages. Measured: 3.7e-6 at most. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { importReference } from '../../compiler/import/import.js'
import { TorchEngine } from '../../runtime/torch/engine.js'
import { pythonProgram } from '../../runtime/torch/process.js'
import { noReport } from '../shipped.js'
import { hasTorch } from '../torch/found.js'
import { outputOf, writtenPackage } from '../torch/run.js'
import { folderOf } from './cases.js'
import { expectToConform } from './verify.js'

const folder = mkdtempSync(join(tmpdir(), 'mdmc-torch-'))
const engine = new TorchEngine()
afterAll(async () => {
  await engine.close()
  rmSync(folder, { recursive: true, force: true })
})

describe.skipIf(!hasTorch)('torch', () => {
  it.each(['full/S64', 'full/S64S256'])('%s', (name) => expectToConform(name, engine, 1e-5))
})

// torch.compile 2.13 lost the gradients behind upsamplings here, though not in a model of two layers: 0 instead of 0.9996.
it.skipIf(!hasTorch)('torch.compile gives the same gradients in bfloat16', { timeout: 1_800_000 }, async () => {
  const config = readFileSync(join(folderOf('full/S64'), 'case.json'), 'utf8')
  const source = importReference('case.json', config, { name: 'case' }, noReport) ?? ''
  const name = await writtenPackage(source, folder)
  const output = outputOf(pythonProgram(), ['-W', 'ignore', 'test/torch/check_compiled.py', folder, name])
  expect((JSON.parse(output) as { least: number }).least).toBeGreaterThan(0.99)
})
