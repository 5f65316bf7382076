/** Tries inputs by number in a worker, and fails where one throws, hangs or takes too much memory. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { parseArgs } from 'node:util'

const longest = 5_000
const largest = 1024 * 1024 * 1024

interface Job {
  readonly seed: number
  readonly from: number
  readonly to: number
  /** Number and starting time of the input at work, then the longest time (milliseconds) and its number. */
  readonly progress: SharedArrayBuffer
}

interface Failure {
  readonly index: number
  readonly problem: string
}

type Counts = Record<string, number>

type Result = ({ readonly kind: 'failure' } & Failure) | { readonly kind: 'done'; readonly counts: Readonly<Counts> }

export interface Hunt {
  /** The script itself, which the worker runs again. */
  readonly script: string
  /** How many inputs, where the command line does not say. */
  readonly count: number
  /** Makes what tries one input by its number; it says in words what came of it. Called in the worker. */
  readonly start: (seed: number) => (index: number) => Promise<readonly string[]> | readonly string[]
  /** Writes an input down for whoever looks into a failure, and gives its path. */
  readonly save: (seed: number, index: number) => string
}

/** Runs the hunt: `--count`, `--seed` and `--from` are read from the command line. */
export async function hunt(options: Hunt): Promise<void> {
  if (isMainThread) await lead(options)
  else await work(workerData as Job, options)
}

async function work({ seed, from, to, progress }: Job, { start }: Hunt): Promise<void> {
  const state = new Float64Array(progress)
  const attempt = start(seed)
  const counts: Counts = {}
  const fail = (index: number, problem: string) =>
    parentPort?.postMessage({ kind: 'failure', index, problem } satisfies Result)
  for (let index = from; index < to; index++) {
    state[0] = index
    const began = Date.now()
    state[1] = began
    try {
      for (const word of new Set(await attempt(index))) counts[word] = (counts[word] ?? 0) + 1
    } catch (error) {
      fail(index, error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    const took = Date.now() - began
    if (took > (state[2] ?? 0)) {
      state[2] = took
      state[3] = index
    }
    if (took > longest) fail(index, `took ${took} ms`)
  }
  parentPort?.postMessage({ kind: 'done', counts } satisfies Result)
}

async function lead({ script, count: standard, save }: Hunt): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: String(standard) },
      seed: { type: 'string', default: '1' },
      from: { type: 'string', default: '0' },
    },
  })
  const [count, seed, first] = [Number(values.count), Number(values.seed), Number(values.from)]
  const began = Date.now()
  const failures: Failure[] = []
  const counts: Counts = {}
  const progress = new SharedArrayBuffer(4 * 8)
  const state = new Float64Array(progress)
  const to = first + count
  for (let from = first; from < to;) from = await run(script, { seed, from, to, progress }, state, failures, counts)

  const memory = process.resourceUsage().maxRSS * 1024
  for (const { index, problem } of failures.slice(0, 20)) console.log(`${index} (${save(seed, index)}): ${problem}`)
  const sorted = Object.entries(counts).sort(([a], [b]) => a.localeCompare(b))
  console.log(sorted.map(([word, n]) => `${word} ${n}`).join('\n'))
  console.log(
    `${count} files in ${Math.round((Date.now() - began) / 1000)} s, seed ${seed}: ${failures.length} failures; slowest ${state[2] ?? 0} ms (${state[3] ?? 0}); memory at most ${Math.round(memory / 2 ** 20)} MB`,
  )
  if (failures.length > 0 || memory > largest) process.exitCode = 1
}

/** Runs the job up to its end or to an input that hangs; the number to go on with. */
function run(script: string, job: Job, state: Float64Array, failures: Failure[], counts: Counts): Promise<number> {
  return new Promise((resolve, reject) => {
    state[0] = job.from
    state[1] = Date.now()
    const worker = new Worker(new URL(script), { workerData: job })
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
        for (const [word, n] of Object.entries(result.counts)) counts[word] = (counts[word] ?? 0) + n
        resolve(job.to)
      }
    })
    worker.on('error', (error) => {
      clearInterval(watch)
      reject(error)
    })
  })
}
