/** Which Python tools there are here; tests that need one that is missing are skipped, and say so. */
import { spawnSync } from 'node:child_process'
import { pythonProgram } from '../../runtime/torch/process.js'

function runs(program: string, given: readonly string[]): boolean {
  return spawnSync(program, given, { stdio: 'ignore' }).status === 0
}

function told(found: boolean, what: string): boolean {
  if (!found) console.log(`skipped: ${what}`)
  return found
}

export const hasTorch = told(
  runs(pythonProgram(), ['-c', 'import torch, safetensors']),
  'generated packages run where python3, or MDMC_PYTHON, has torch and safetensors',
)

export const hasTraining = told(
  hasTorch && runs(pythonProgram(), ['-c', 'import torch.distributed.fsdp, numpy, PIL, tensorboard']),
  'generated packages train where python3, or MDMC_PYTHON, has torch, safetensors, numpy, pillow and tensorboard',
)

export function hasTool(name: string): boolean {
  return told(runs(name, ['--version']), `${name} looks at generated packages where it is on the PATH`)
}
