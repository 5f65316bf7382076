/** Builds the program once, before the tests that run it. */
import { spawnSync } from 'node:child_process'

export default function setup(): void {
  const run = spawnSync('npx', ['tsdown'], { encoding: 'utf8', shell: process.platform === 'win32' })
  if (run.status !== 0) throw new Error(`the program cannot be built:\n${run.stdout}${run.stderr}`)
}
