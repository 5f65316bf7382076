/**
 * Kills a training run with SIGKILL at random moments, takes it up each time, and compares the weights that come out
 * with those of an undisturbed run: `npm run build && npx tsx scripts/kill-training.ts [--kills N] [--seed S]`.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' } },
})
const kills = Number(values.kills)
let state = Number(values.seed)

/** Uniform from 0 to 1 (mulberry32). */
function chance(): number {
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

const folder = mkdtempSync(join(tmpdir(), 'mdmc-kill-'))
const spec = join(folder, 'spec.mdm')
writeFileSync(
  spec,
  `model Inner {
  embedding 64
  dropout 0.1
  condition text { width 16  encoder "hash" }
  level 8 { channels 32  blocks 1 }
  level 4 { channels 32  blocks 1  attention 1 }
}
model Outer nests Inner {
  level 16 { channels 32  blocks 1 }
  level 8 { channels 32  blocks 1 }
}
train Outer {
  optimizer adamw { rate 1e-3  warmup 10  clip 1  decay cosine }
  average 0.99
  condition_dropout 10%
  flip yes
  phase Inner { steps 100  batch 4 }
  phase Outer { steps 100  batch 4 }
}
`,
)
const rhythm = ['--save-every', '5', '--log-every', '1', '--sample-every', '0', '--held-out', '2%']

function train(...options: readonly string[]): ChildProcess {
  const given = ['dist/mdmc.js', 'train', ...options, '--device', 'cpu', '--threads', '1', '--workers', '1']
  return spawn(process.execPath, given, { stdio: ['ignore', 'ignore', 'inherit'] })
}

const paths = { whole: join(folder, 'whole'), killed: join(folder, 'killed') }
const started = performance.now()
await once(train(spec, ...rhythm, '-o', paths.whole), 'exit')
const seconds = (performance.now() - started) / 1000

let killed = 0
for (let child = train(spec, ...rhythm, '-o', paths.killed); ; child = train('--resume', paths.killed)) {
  const ended = once(child, 'exit')
  // From before the first step to a little more than a share of the whole run.
  const moment = chance() * (1 + (4 * seconds) / kills)
  const timer = killed < kills ? setTimeout(() => child.kill('SIGKILL'), 1000 * moment) : undefined
  const [code, signal] = (await ended) as [number | null, string | null]
  clearTimeout(timer)
  if (signal === null && code !== 0 && !readdirSync(folder).includes('killed')) continue
  if (signal === null) {
    if (code === 0) break
    throw new Error(`the run ended with code ${code ?? ''}`)
  }
  killed++
  console.log(`killed after ${moment.toFixed(2)} s`)
}
const [whole, other] = [paths.whole, paths.killed].map((path) => readFileSync(join(path, 'model.safetensors')))
const same = whole !== undefined && other?.equals(whole) === true
console.log(`${killed} kills; the weights are ${same ? 'the same bits as' : 'OTHER THAN'} those of an undisturbed run`)
rmSync(folder, { recursive: true })
process.exitCode = same ? 0 : 1
