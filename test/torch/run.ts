/** Packages as `mdmc compile --target torch` writes them, and what tools say of them. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { torchPackage } from '../../backends/torch/package.js'
import { checkFile } from '../../compiler/compile.js'
import { torchTraining } from '../../runtime/torch/training.js'
import { writePackage } from '../../runtime/torch/write.js'
import { memoryHost } from '../host.js'
import { noReport } from '../shipped.js'

/** Writes the package of a source's last model, and gives its name as a Python module. */
export async function writtenPackage(source: string, folder: string): Promise<string> {
  const { models, sources } = checkFile('mine.mdm', memoryHost({ 'mine.mdm': source }))
  const model = models.at(-1)
  const made = model && torchPackage(model, noReport, { sources, training: torchTraining(model, noReport) })
  if (made === undefined) throw new Error('no package')
  await writePackage(made, folder)
  return made.name
}

export interface Place {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/** What a tool prints; all of it is shown where it fails. */
export function outputOf(program: string, given: readonly string[], { cwd, env }: Place = {}): string {
  const { status, stdout, stderr } = spawnSync(program, given, { cwd, env, encoding: 'utf8' })
  const said = `${stdout}${stderr}`.split('\n').filter((line) => !line.includes('NNPACK'))
  expect(status, said.join('\n')).toBe(0)
  return stdout
}

/** What Python is given before a script, so that two processes run it. */
export const twoProcesses = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2'] as const

/** A line of metrics. */
export interface Line {
  readonly step: number
  readonly [name: string]: number | string | null
}

/** The metrics of a run, without its remarks. */
export function metricsOf(run: string): Line[] {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as Line).filter(({ note }) => note === undefined)
}
