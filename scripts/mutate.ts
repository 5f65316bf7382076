/**
 * Checks many damaged files and fails where one makes the compiler throw, hang or grow.
 * Usage: scripts/mutate.sh [--count 100000] [--seed 1] [--from 0]
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { checkFile } from '../compiler/compile.js'
import { renderDiagnostic } from '../compiler/diagnostics/render.js'
import { format } from '../compiler/syntax/format.js'
import { mutants } from './mutants.js'

const longest = 5_000
const largest = 1024 * 1024 * 1024

interface Job {
  readonly seed: number
  readonly from: number
  readonly to: number
  /** Number and starting time (milliseconds) of the mutant at work. */
  readonly progress: SharedArrayBuffer
}

type Result =
  | { readonly kind: 'failure'; readonly index: number; readonly problem: string }
  | { readonly kind: 'done'; readonly counts: Readonly<Record<string, number>> }

if (isMainThread) await main()
else work(workerData as Job)

function work({ seed, from, to, progress }: Job): void {
  const state = new Float64Array(progress)
  const mutant = mutants(seed)
  const counts: Record<string, number> = {}
  for (let index = from; index < to; index++) {
    const { path, host, text } = mutant(index)
    state[0] = index
    const began = Date.now()
    state[1] = began
    try {
      const { diagnostics, sources } = checkFile(path, host)
      for (const diagnostic of diagnostics) renderDiagnostic(diagnostic, sources)
      for (const code of new Set(diagnostics.map((diagnostic) => diagnostic.code)))
        counts[code] = (counts[code] ?? 0) + 1
      if (diagnostics.length === 0) counts.valid = (counts.valid ?? 0) + 1
      // Formatting reads the file again, and stops where it cannot be read.
      if (!diagnostics.some(({ code }) => code.startsWith('MDM01')) || index % 10 === 0) format(path, text)
    } catch (error) {
      parentPort?.postMessage({
        kind: 'failure',
        index,
        problem: error instanceof Error ? (error.stack ?? error.message) : String(error),
      } satisfies Result)
    }
    const took = Date.now() - began
    if (took > (state[2] ?? 0)) {
      state[2] = took
      state[3] = index
    }
    if (took > longest) parentPort?.postMessage({ kind: 'failure', index, problem: `took ${took} ms` } satisfies Result)
  }
  parentPort?.postMessage({ kind: 'done', counts } satisfies Result)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      from: { type: 'string', default: '0' },
    },
  })
  const [count, seed] = [Number(values.count), Number(values.seed)]
  const began = Date.now()
  const failures: { readonly index: number; readonly problem: string }[] = []
  const counts: Record<string, number> = {}
  const progress = new SharedArrayBuffer(4 * 8)
  const state = new Float64Array(progress)
  const end = Number(values.from) + count
  for (let from = Number(values.from); from < end;)
    from = await run({ seed, from, to: end, progress }, state, failures, counts)

  const memory = process.resourceUsage().maxRSS * 1024
  for (const { index, problem } of failures.slice(0, 20)) {
    const file = `.tmp/mutant-${seed}-${index}.mdm`
    writeFileSync(file, mutants(seed)(index).text)
    console.log(`${index} (${file}): ${problem}`)
  }
  console.log(
    Object.entries(counts)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([code, n]) => `${code} ${n}`)
      .join('\n'),
  )
  console.log(
    `${count} files in ${Math.round((Date.now() - began) / 1000)} s, seed ${seed}: ${failures.length} failures; slowest ${state[2] ?? 0} ms (${state[3] ?? 0}); memory at most ${Math.round(memory / 2 ** 20)} MB`,
  )
  if (failures.length > 0 || memory > largest) process.exitCode = 1
}

/** Runs the job up to its end or to a mutant that hangs; the number to go on with. */
function run(
  job: Job,
  state: Float64Array,
  failures: { index: number; problem: string }[],
  counts: Record<string, number>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    state[0] = job.from
    state[1] = Date.now()
    const worker = new Worker(new URL(import.meta.url), { workerData: job })
    let lastLine = Date.now()
    const watch = setInterval(() => {
      const [index = 0, since = 0] = state
      if (Date.now() - lastLine > 30_000) {
        lastLine = Date.now()
        console.log(`${index} of ${job.to}`)
      }
      if (Date.now() - since < 4 * longest) return
      clearInterval(watch)
      failures.push({ index, problem: 'does not end' })
      void worker.terminate().then(() => resolve(index + 1))
    }, 500)
    worker.on('message', (result: Result) => {
      if (result.kind === 'failure') failures.push(result)
      else {
        clearInterval(watch)
        for (const [code, n] of Object.entries(result.counts)) counts[code] = (counts[code] ?? 0) + n
        resolve(job.to)
      }
    })
    worker.on('error', (error) => {
      clearInterval(watch)
      reject(error)
    })
  })
}
