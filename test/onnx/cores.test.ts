/** The number of cores, beside what the system's own tool says. */
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import { physicalCores } from '../../backends/onnx/cores.js'

it.runIf(process.platform === 'linux')('is what lscpu counts, as far as the process may use them', () => {
  const listed = execFileSync('lscpu', ['--parse=socket,core'], { encoding: 'utf8' }).trim().split('\n')
  const cores = new Set(listed.filter((line) => !line.startsWith('#')))
  expect(physicalCores()).toBe(Math.min(cores.size, availableParallelism()))
})
