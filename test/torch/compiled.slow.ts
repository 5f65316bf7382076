/** What torch.compile makes of generated packages: minutes of compiling. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { importReference } from '../../compiler/import/import.js'
import { pythonProgram } from '../../runtime/torch/process.js'
import { folderOf } from '../conformance/cases.js'
import { noReport } from '../shipped.js'
import { hasTorch, hasTraining } from './found.js'
import { progressive } from './models.js'
import { metricsOf, outputOf, twoProcesses, writtenPackage } from './run.js'

const folder = mkdtempSync(join(tmpdir(), 'mdmc-compiled-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => join(folder, name)

describe('torch.compile', { timeout: 1_800_000 }, () => {
  // torch.compile 2.13 lost the gradients behind upsamplings here, though not in a model of two layers: 0 instead of 0.9996.
  it.skipIf(!hasTorch)('gives the same gradients in bfloat16', async () => {
    const config = readFileSync(join(folderOf('full/S64'), 'case.json'), 'utf8')
    const source = importReference('case.json', config, { name: 'case' }, noReport) ?? ''
    const name = await writtenPackage(source, at('S64'))
    const output = outputOf(pythonProgram(), ['-W', 'ignore', 'test/torch/check_compiled.py', at('S64'), name])
    expect((JSON.parse(output) as { least: number }).least).toBeGreaterThan(0.99)
  })

  it.skipIf(!hasTraining)('trains as without it in two processes, with DDP and FSDP, phase after phase', async () => {
    await writtenPackage(progressive, at('tiny'))
    outputOf(pythonProgram(), ['test/torch/write_data.py', at('texts'), '16', '1', '9,10,9,11', 'text', '-1'])
    const run = { package: at('tiny'), data: at('texts'), steps: 3, precision: 'bf16' }
    const items = [
      { ...run, out: at('eager') },
      { ...run, out: at('ddp'), compile: true },
      { ...run, out: at('fsdp'), compile: true, strategy: 'fsdp', recompute: [8] },
    ]
    outputOf(pythonProgram(), [...twoProcesses, 'test/torch/train_runs.py', JSON.stringify(items)])
    const eager = losses('eager')
    expect(eager).toHaveLength(6)
    for (const other of ['ddp', 'fsdp'])
      losses(other).forEach((loss, i) => expect(Math.abs(loss / (eager[i] ?? NaN) - 1), other).toBeLessThan(2 ** -9))
  })
})

const losses = (run: string) => metricsOf(at(run)).map(({ loss }) => Number(loss))
