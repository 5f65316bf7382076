/** Runs a tool on a generated package. */
import { spawnSync } from 'node:child_process'
import { expect } from 'vitest'

/** What it prints; all of its output is shown where it fails. */
export function outputOf(program: string, given: readonly string[], cwd = process.cwd()): string {
  const { status, stdout, stderr } = spawnSync(program, given, { cwd, encoding: 'utf8' })
  expect(status !== 0 ? `${stdout}${stderr}` : '').toBe('')
  return stdout
}
