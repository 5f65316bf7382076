/**
 * The package that `mdmc compile --target torch` writes against the same network in plain PyTorch: two processes, in turn
 * one forward or one step of training each, medians and their ratio.
 *     npm run build && npx tsx bench/torch.ts [--what forward|step] [--fast] [--batch 1] [--runs 9] CASE_DIR_OR_JSON...
 * `--fast`: the package with torch.compile and bfloat16; what it is compared with stays eager and float32. Needs python3 with
 * torch, numpy and safetensors.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { build, inputsOf, writePeerInputs } from './case.js'
import { median } from './processes.js'
import { serve } from './python.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    what: { type: 'string', default: 'forward' },
    fast: { type: 'boolean', default: false },
    batch: { type: 'string', default: '1' },
    runs: { type: 'string', default: '9' },
    threads: { type: 'string', default: '2' },
    tokens: { type: 'string', default: '32' },
  },
})
const [batch, runs, tokens] = [Number(values.batch), Number(values.runs), Number(values.tokens)]
const forward = values.what === 'forward' ? ['--forward'] : []

interface Result {
  readonly seconds: number
  /** The mean square of the predictions, or the loss. */
  readonly loss: number
  /** The most memory that the process has held so far, in bytes. */
  readonly memory: number
}

for (const given of positionals) await compare(given.endsWith('.json') ? given : join(given, 'case.json'))

async function compare(config: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'mdmc-bench-'))
  try {
    const { model, graph, text } = await build(config)
    const [file, inputs, folder] = ['case.mdm', 'inputs.safetensors', 'package'].map((name) => join(scratch, name))
    if (file === undefined || inputs === undefined || folder === undefined) throw new Error('no folder')
    await writeFile(file, text)
    const command = ['dist/mdmc.js', 'compile', file, '--target', 'torch', '--no-weights', '-o', folder]
    const { status, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    await writePeerInputs(inputs, model, inputsOf(model, graph, { batch, tokens }), batch)
    const options = ['--config', config, '--inputs', inputs, '--threads', values.threads, ...forward]
    const peer = await serve('bench/peers/torch_train.py', options)
    const fast = values.fast ? ['--fast'] : []
    const ours = await serve('bench/torch_package.py', [...options, '--package', folder, ...fast])
    const results = { ours: [] as Result[], peer: [] as Result[] }
    for (let i = 0; i < runs; i++) {
      for (const [name, process] of [['peer', peer] as const, ['ours', ours] as const]) {
        // Threads wait busily for a while after their work.
        await sleep(300)
        results[name].push(JSON.parse(await process.run()) as Result)
      }
    }
    peer.stop()
    ours.stop()
    console.log(`${config}: ${values.what}, batch ${batch}, ${values.threads} threads, ${runs} runs in turn`)
    const a = show(values.fast ? 'the package, compiled, bfloat16' : 'the package, eager, float32', results.ours)
    const b = show('plain, eager, float32', results.peer)
    console.log(
      `  ratio of medians ${(a.median / b.median).toFixed(3)}, of the least ${(a.least / b.least).toFixed(3)}`,
    )
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

function show(name: string, results: readonly Result[]): { median: number; least: number } {
  const seconds = results.map((result) => result.seconds)
  const found = { median: median(seconds), least: Math.min(...seconds) }
  const { loss = NaN, memory = NaN } = results[0] ?? {}
  console.log(
    `  ${name}: median ${found.median.toFixed(3)} s, least ${found.least.toFixed(3)} s, ` +
      `peak ${(memory / 2 ** 20).toFixed(0)} MiB, first loss ${loss.toPrecision(6)}`,
  )
  return found
}
