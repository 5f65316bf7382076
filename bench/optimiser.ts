/**
 * A step of the optimiser on 100 million parameters against PyTorch: the norm of the gradient, its limit, AdamW and the
 * moving average. Two processes, one step each in turn, medians and their ratio. The gradients are in other memory, as
 * ONNX Runtime leaves them. Run with `npx tsx bench/optimiser.ts [--runs 21] [--way foreach] [CASE_JSON]`, whose first
 * parameters are taken; needs python3 with torch.
 */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import type { Parameter } from '../compiler/ir/parameter.js'
import { elementCount } from '../compiler/ir/tensor.js'
import { Optimiser } from '../runtime/optimise/optimiser.js'
import { ParameterStore } from '../runtime/optimise/store.js'
import { median } from './processes.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '21' },
    threads: { type: 'string', default: '2' },
    /** How PyTorch goes over the parameters: `foreach`, `fused`, or `loop`, its default on a processor. */
    way: { type: 'string', default: 'foreach' },
  },
})
const [config = 'test/fixtures/conformance/full/S64/case.json'] = positionals
const runs = Number(values.runs)

interface Step {
  readonly seconds: number
  readonly norm: number
}

const parameters = parametersOf(await readFile(config, 'utf8'), 100e6)
const count = parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0)
const ours = prepare()
const peer = await serve()
const steps = { ours: [] as Step[], peer: [] as Step[] }
for (let i = 0; i < 3; i++) ours()
for (let i = 0; i < runs; i++) {
  steps.peer.push(await peer.step())
  steps.ours.push(ours())
}
peer.stop()

console.log(`${parameters.length} tensors, ${count} parameters, ${runs} runs in turn`)
const [a, b] = [show('mdmc', steps.ours), show(`PyTorch, ${values.way}`, steps.peer)]
console.log(`  ratio ${(a / b).toFixed(3)}`)

function show(name: string, list: readonly Step[]): number {
  const seconds = list.map((step) => step.seconds)
  const milliseconds = (value: number) => `${(1000 * value).toFixed(0)} ms`
  const norm = list.at(-1)?.norm.toPrecision(6) ?? ''
  console.log(
    `  ${name}: median ${milliseconds(median(seconds))}, least ${milliseconds(Math.min(...seconds))}, norm ${norm}`,
  )
  return median(seconds)
}

/** The first parameters of a case, as many as fit into a number of elements. */
function parametersOf(text: string, most: number): Parameter[] {
  const { parameters: shapes } = JSON.parse(text) as { parameters: Record<string, readonly number[]> }
  let sum = 0
  return Object.entries(shapes).flatMap(([name, shape]): Parameter[] => {
    if (sum + elementCount(shape) > most) return []
    sum += elementCount(shape)
    return [{ name, shape, initialiser: { kind: 'zeros' }, trainable: true }]
  })
}

/** Numbers in [-scale / 2, scale / 2), the same for all tensors; the peer makes them too. */
function numbers(length: number, scale: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => scale * ((Math.imul(i, 0x9e3779b1) >>> 0) / 2 ** 32 - 0.5))
}

function prepare(): () => Step {
  const store = new ParameterStore(parameters, { average: 0.9999, accumulate: 1 })
  const gradients = new Map<string, Float32Array>()
  for (const { name, count: length } of store.trained) {
    store.values(name).set(numbers(length, 0.1))
    store.average(name).set(store.values(name))
    gradients.set(name, numbers(length, 0.01))
  }
  const optimiser = new Optimiser(
    store,
    {
      kind: 'adamw',
      rate: 1e-4,
      betas: [0.9, 0.99],
      epsilon: 1e-8,
      weightDecay: 0.01,
      warmup: 0,
      decay: 'constant',
      clip: 2,
    },
    { steps: 1e6, rate: undefined },
  )
  return () => {
    const start = performance.now()
    const step = optimiser.update((name) => gradients.get(name) ?? new Float32Array())
    return { seconds: (performance.now() - start) / 1000, norm: step?.norm ?? NaN }
  }
}

/** The PyTorch process: one line in, one step, what it took out. */
async function serve() {
  const options = ['--threads', values.threads, '--way', values.way]
  const child = spawn('python3', ['bench/peers/torch_optimiser.py', ...options], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => String((await lines.next()).value)
  child.stdin.write(`${JSON.stringify(parameters.map(({ shape }) => shape))}\n`)
  if ((await next()) !== 'ready') throw new Error('the PyTorch process did not start')
  return {
    step: async () => {
      child.stdin.write('run\n')
      return JSON.parse(await next()) as Step
    },
    stop: () => child.stdin.end('quit\n'),
  }
}
