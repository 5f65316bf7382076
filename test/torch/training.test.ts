/** Training by generated packages: with one process and several, broken off and taken up again, and what comes of it. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { torchPackage } from '../../backends/torch/package.js'
import { checkFile } from '../../compiler/compile.js'
import { pythonProgram } from '../../runtime/torch/process.js'
import { torchTraining } from '../../runtime/torch/training.js'
import { writePackage } from '../../runtime/torch/write.js'
import { memoryHost } from '../host.js'
import { noReport } from '../shipped.js'
import { opened } from '../weights/support.js'
import { hasTraining } from './found.js'
import { tiny } from './models.js'

const folder = mkdtempSync(join(tmpdir(), 'mdmc-training-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => join(folder, name)
const env = { ...process.env, OMP_NUM_THREADS: '1' }

/** Two phases, mixed batches, dropped conditions, flips, warm-up, clipping and an average. */
const progressive = `${tiny}
train Tiny {
  optimizer adamw { rate 1e-3  warmup 4  clip 0.5  weight_decay 0.01 }
  average 0.9
  condition_dropout 20%
  flip yes
  phase Inner { steps 4  batch 8 }
  phase Tiny { steps 6  batch 8  mix 1:1 }
}
`

async function written(source: string, name: string): Promise<void> {
  const checked = checkFile('mine.mdm', memoryHost({ 'mine.mdm': source }))
  const model = checked.models.at(-1)
  const made = model && torchPackage(model, noReport, { training: torchTraining(model, noReport) })
  if (made === undefined) throw new Error('no package')
  await writePackage(made, at(name))
}

interface Options {
  readonly data: string
  readonly out: string
  readonly [name: string]: unknown
}

/** Runs one after the other, by so many processes. */
function train(name: string, processes: number, runs: readonly Options[]): void {
  const there = runs.map((run) => ({ ...run, data: at(run.data), out: at(run.out) }))
  const given = ['test/torch/train_runs.py', at(name), 'tiny', JSON.stringify(there)]
  const torchrun = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', String(processes)]
  python(processes > 1 ? [...torchrun, ...given] : given)
}

function python(given: readonly string[], status = 0): string {
  const ended = spawnSync(pythonProgram(), given, { encoding: 'utf8', env })
  const said = `${ended.stdout}${ended.stderr}`.split('\n').filter((line) => !line.includes('NNPACK'))
  expect(ended.status, said.join('\n')).toBe(status)
  return said.join('\n')
}

const data = (name: string, ...given: readonly string[]) => python(['test/torch/write_data.py', at(name), ...given])

interface Line {
  readonly step: number
  readonly [name: string]: number | string | null
}

function metrics(run: string): Line[] {
  const lines = readFileSync(at(`${run}/metrics.jsonl`), 'utf8')
    .trimEnd()
    .split('\n')
  return lines.map((line) => JSON.parse(line) as Line)
}

/** Largest difference of two runs' weights and averages, and of their losses. */
async function difference(a: string, b: string): Promise<number> {
  let most = 0
  for (const file of ['weights', 'average']) {
    const [x, y] = [await opened(at(`${a}/${file}.safetensors`)), await opened(at(`${b}/${file}.safetensors`))]
    expect(y.entries.map(({ name }) => name)).toEqual(x.entries.map(({ name }) => name))
    for (const { name } of x.entries) {
      const [left, right] = [await x.read(name), await y.read(name)]
      left.forEach((value, i) => {
        const off = Math.abs(value - (right[i] ?? NaN))
        if (!(off <= most)) most = off
      })
    }
    await x.close()
    await y.close()
  }
  const [left, right] = [metrics(a), metrics(b)]
  expect(right.map(({ step, skipped }) => [step, skipped])).toEqual(left.map(({ step, skipped }) => [step, skipped]))
  left.forEach((line, i) => {
    for (const name of ['loss', 'loss/16', 'loss/8', 'gradient_norm', 'learning_rate'])
      if (typeof line[name] === 'number') most = Math.max(most, Math.abs(line[name] - Number(right[i]?.[name])))
  })
  return most
}

describe.skipIf(!hasTraining)('training', () => {
  beforeAll(async () => {
    await written(progressive, 'package')
    data('texts', '16', '1', '9,10,9,11', 'text', '17')
    train('package', 1, [{ data: 'texts', out: 'one' }])
  }, 120_000)

  it('skips what is not finite, and nothing else', () => {
    const lines = metrics('one')
    expect(lines.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    const last = lines.at(-1)
    expect(last?.skipped).toBe(2)
    expect(lines.filter(({ loss }) => loss === undefined)).toHaveLength(2)
    expect(last).toMatchObject({ images: 80, learning_rate: 1e-3 })
    expect(last?.['loss/16']).toBeGreaterThan(0)
  })

  it('gives the same losses and parameters with two processes, in DDP and in FSDP', async () => {
    train('package', 2, [
      { data: 'texts', out: 'ddp' },
      { data: 'texts', out: 'fsdp', strategy: 'fsdp' },
    ])
    for (const other of ['ddp', 'fsdp']) expect(await difference('one', other), other).toBeLessThan(1e-5)
  }, 120_000)

  it('goes on with one process where one of two was killed', async () => {
    const given = [at('package/train.py'), at('texts'), '--workers', '0', '--sample-every', '0', '--device', 'cpu']
    const often = ['--log-every', '1', '--save-every', '3', '--steps', '40']
    python([...given, ...often, '--out', at('undisturbed')])
    const torchrun = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2']
    const running = spawn(pythonProgram(), [...torchrun, ...given, ...often, '--out', at('killed')], {
      env,
      stdio: 'ignore',
    })
    const ended = new Promise<number | null>((resolve) => running.once('close', resolve))
    while (!existsSync(at('killed/checkpoints/step-00000006')) && running.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 20))
    const children = readFileSync(`/proc/${running.pid ?? 0}/task/${running.pid ?? 0}/children`, 'utf8')
      .trim()
      .split(' ')
    process.kill(Number(children.at(-1)), 'SIGKILL')
    expect(await ended).not.toBe(0)
    expect(existsSync(at('killed/weights.safetensors'))).toBe(false)
    python([...given, ...often, '--out', at('killed'), '--resume'])
    expect(readdirSync(at('killed/checkpoints')).sort()).toEqual(['step-00000078', 'step-00000080'])
    expect(await difference('undisturbed', 'killed')).toBeLessThan(1e-5)
  }, 180_000)
})
