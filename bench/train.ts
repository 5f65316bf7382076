/**
 * A training step in ONNX Runtime against the same step in PyTorch: two processes, one step each in turn, medians and
 * their ratio, peak memory, and how long the session takes to be made. Run with
 * `npx tsx bench/train.ts [--batch 1] [--runs 9] [--threads 2] [--tokens 32] [--no-optimiser]
 * [--alone] CASE_DIR_OR_JSON...`; needs python3 with torch.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { onnx } from '../backends/onnx/engine.js'
import type { Graph } from '../compiler/ir/graph.js'
import type { Tensor } from '../compiler/ir/tensor.js'
import { gradientName } from '../compiler/training.js'
import { Optimiser } from '../runtime/optimise/optimiser.js'
import { ParameterStore } from '../runtime/optimise/store.js'
import { publishedTraining } from '../runtime/train/phases.js'
import { ruleWeights } from '../runtime/weights/rule.js'
import { build, inputsOf, writePeerInputs } from './case.js'
import { median } from './processes.js'
import { serve } from './python.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    batch: { type: 'string', default: '1' },
    runs: { type: 'string', default: '9' },
    threads: { type: 'string', default: '2' },
    tokens: { type: 'string', default: '32' },
    alone: { type: 'boolean', default: false },
    'no-optimiser': { type: 'boolean', default: false },
  },
})
const [batch, runs, threads, tokens] = [values.batch, values.runs, values.threads, values.tokens].map(Number) as [
  number,
  number,
  number,
  number,
]

const optimises = !values['no-optimiser']

interface Step {
  readonly seconds: number
  readonly loss: number
  /** The L2 norm of all gradients together. */
  readonly norm: number
  /** The most memory that the process has held so far, in bytes. */
  readonly memory: number
}

for (const given of positionals) await compare(given.endsWith('.json') ? given : join(given, 'case.json'))

async function compare(config: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'mdmc-bench-'))
  try {
    const { model, graph } = await build(config)
    const inputs = inputsOf(model, graph, { batch, tokens })
    const file = join(scratch, 'inputs.safetensors')
    await writePeerInputs(file, model, inputs, batch)
    const ours = await prepare(graph, inputs)
    const options = ['--config', config, '--inputs', file, '--threads', String(threads)]
    const alone = optimises ? [] : ['--no-optimiser']
    const peer = values.alone ? undefined : await serve('bench/peers/torch_train.py', [...options, ...alone])
    const steps = { ours: [await ours.step()], peer: [] as Step[] }
    // Threads of either side wait busily for a while after their work.
    const rest = () => sleep(300)
    for (let i = 0; i < runs; i++) {
      await rest()
      if (peer) steps.peer.push(JSON.parse(await peer.run()) as Step)
      await rest()
      steps.ours.push(await ours.step())
    }
    peer?.stop()
    show(`${config}, batch ${batch}, ${threads} threads, ${runs} runs in turn`, ours.created, steps.ours, steps.peer)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

function show(title: string, created: number, [first, ...ours]: readonly Step[], peer: readonly Step[]): void {
  const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`
  const line = (name: string, steps: readonly Step[]) => {
    const seconds = steps.map((step) => step.seconds)
    const [{ loss, norm, memory } = { loss: NaN, norm: NaN, memory: NaN }] = steps.slice(-1)
    console.log(
      `  ${name}: median ${median(seconds).toFixed(3)} s, least ${Math.min(...seconds).toFixed(3)} s, ` +
        `peak ${megabytes(memory)}, loss ${loss.toPrecision(7)}, gradient ${norm.toPrecision(6)}`,
    )
    return { seconds, memory }
  }
  console.log(title)
  console.log(`  session made in ${created.toFixed(1)} s, first step ${first?.seconds.toFixed(2) ?? ''} s`)
  const a = line('ONNX Runtime', ours)
  if (peer.length === 0) return
  const b = line('PyTorch', peer)
  const pairs = a.seconds.map((seconds, i) => seconds / (b.seconds[i] ?? NaN))
  console.log(
    `  ratio of medians ${(median(a.seconds) / median(b.seconds)).toFixed(3)}, median of ratios ${median(pairs).toFixed(3)}, ` +
      `of the least ${(Math.min(...a.seconds) / Math.min(...b.seconds)).toFixed(3)}, of memory ${(a.memory / b.memory).toFixed(3)}`,
  )
}

async function prepare(graph: Graph, inputs: Readonly<Record<string, Tensor>>) {
  const trained = new Set(graph.outputs.map(({ name }) => name))
  const frozen = ({ name }: { name: string }) => !trained.has(gradientName(name))
  const { optimizer } = publishedTraining
  // Without an optimiser nothing is kept beside the values: every parameter is frozen.
  const store = new ParameterStore(graph.parameters, {
    ...publishedTraining,
    frozen: optimises ? frozen : () => true,
  })
  await store.fill(ruleWeights(graph.parameters))
  const optimiser = new Optimiser(store, optimizer, { steps: runs + 1, rate: optimizer.rate })
  const weights = { read: async (name: string) => store.values(name) }
  const start = performance.now()
  const session = await onnx.prepare(graph, weights, { device: 'cpu', threads, trains: true })
  const created = (performance.now() - start) / 1000
  const names = graph.parameters.map(({ name }) => gradientName(name))
  const step = async (): Promise<Step> => {
    const start = performance.now()
    const outputs = await session.run(inputs)
    const gradient = (name: string) => outputs[gradientName(name)]?.data as Float32Array
    if (optimises) optimiser.update(gradient)
    const seconds = (performance.now() - start) / 1000
    let squares = 0
    for (const name of names) for (const value of outputs[name]?.data ?? []) squares += value * value
    return { seconds, loss: outputs.loss?.data[0] ?? NaN, norm: Math.sqrt(squares), memory: await peakMemory() }
  }
  return { created, step }
}

async function peakMemory(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  return Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? NaN) * 1024
}
