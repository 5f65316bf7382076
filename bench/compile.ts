/**
 * How long mdmc takes, as whole processes: checking, compiling without weights, and compiling with 1.8 GB of weights
 * against copying them. Run with `npx tsdown && npx tsx bench/compile.ts [--runs 5] [--scratch FOLDER]
 * [--program dist/mdmc.js]`.
 */
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildDenoiser } from '../compiler/build/denoiser.js'
import { checkFile } from '../compiler/compile.js'
import { disk } from '../cli/sources.js'
import { ruleWeights } from '../runtime/weights/rule.js'
import { writeSafetensors } from '../runtime/weights/write-safetensors.js'
import { measure, median, type Measured } from './processes.js'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    scratch: { type: 'string', default: tmpdir() },
    program: { type: 'string', default: 'dist/mdmc.js' },
  },
})
const runs = Number(values.runs)
const largest = ['models/S64T16S256.mdm', 'models/S64S128S256S512S1024.mdm']
const weighted = 'models/S64S256.mdm'
const mdmc = (...options: readonly string[]) => measure('node', values.program, ...options)

const folder = await mkdtemp(join(values.scratch, 'mdmc-bench-'))
try {
  await short()
  await large()
} finally {
  await rm(folder, { recursive: true, force: true })
}

/** Commands that take less than seconds. */
async function short(): Promise<void> {
  for (const file of largest) {
    const results = { check: [] as Measured[], compile: [] as Measured[] }
    for (let run = 0; run < runs; run++) {
      results.check.push(await mdmc('check', file))
      results.compile.push(await mdmc('compile', '--no-weights', file, '-o', join(folder, 'structure')))
    }
    show(`check ${file}`, results.check, 0.6)
    show(`compile --no-weights ${file}`, results.compile, 2)
  }
}

/** Compiling and copying in turn, from the same warm file to new files, each with its data on the disk at the end. */
async function large(): Promise<void> {
  const file = join(folder, 'weights.safetensors')
  await writeWeights(file)
  const { size } = await stat(file)
  const results = { copy: [] as Measured[], compile: [] as Measured[] }
  for (let run = 0; run < runs; run++) {
    results.copy.push(await toNew((target) => measure('cp', file, join(target, 'copy'))))
    results.compile.push(await toNew((target) => mdmc('compile', weighted, '--weights', file, '-o', target)))
  }
  const limit = 2 * median(results.copy.map(({ seconds }) => seconds)) + 3
  console.log(`weights of ${(size / 1e9).toFixed(2)} GB`)
  show('cp', results.copy)
  show(`compile ${weighted} --weights`, results.compile, limit, 2 ** 30)
}

/** Runs with a new folder, and with nothing left to be written from before; what follows until `sync` ends counts. */
async function toNew(run: (folder: string) => Promise<Measured>): Promise<Measured> {
  const target = join(folder, 'target')
  await rm(target, { recursive: true, force: true })
  await mkdir(target)
  await measure('sync')
  const ran = await run(target)
  const flushed = await measure('sync')
  return { seconds: ran.seconds + flushed.seconds, memory: ran.memory }
}

async function writeWeights(path: string): Promise<void> {
  const report = (finding: { readonly message: string }): never => {
    throw new Error(finding.message)
  }
  const model = checkFile(weighted, disk).models.at(-1)
  if (!model) throw new Error(`${weighted} has no model`)
  const weights = ruleWeights(buildDenoiser(model, report).parameters)
  await writeSafetensors(path, weights.entries, ({ name }) => weights.read(name), report)
}

function show(what: string, results: readonly Measured[], limit = Infinity, memory = Infinity): void {
  const seconds = results.map((result) => result.seconds)
  const most = Math.max(...results.map((result) => result.memory))
  const middle = median(seconds)
  const bound = limit === Infinity ? '' : ` (at most ${limit.toFixed(1)} s: ${middle <= limit ? 'met' : 'MISSED'})`
  const held = memory === Infinity ? '' : ` (at most ${memory / 2 ** 20}: ${most <= memory ? 'met' : 'MISSED'})`
  console.log(
    `${what}: median ${middle.toFixed(2)} s of ${results.length}, least ${Math.min(...seconds).toFixed(2)} s${bound}; ` +
      `${Math.round(most / 2 ** 20)} MiB${held}`,
  )
  if (middle > limit || most > memory) process.exitCode = 1
}
