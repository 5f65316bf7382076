/**
 * The denoiser in ONNX Runtime against the same network in PyTorch: two processes, one forward each in turn, medians
 * and their ratio. Run with `npx tsx bench/forward.ts CASE_DIR...`; needs python3 with torch and numpy.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compileToFolder } from '../backends/onnx/compile.js'
import { buildDenoiser } from '../compiler/build/denoiser.js'
import { checkProgram } from '../compiler/check/check.js'
import { load, type SourceHost } from '../compiler/check/load.js'
import { importReference } from '../compiler/import/import.js'
import { disk } from '../cli/sources.js'
import { openWeights } from '../runtime/weights/open.js'
import { ruleWeights } from '../runtime/weights/rule.js'
import { median } from './processes.js'
import { serve } from './python.js'

// Read when the library is loaded.
process.env.ORT_DISABLE_TELEMETRY ??= '1'
const ort = await import('onnxruntime-node')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '15' }, threads: { type: 'string', default: '2' } },
})
const runs = Number(values.runs)
const threads = Number(values.threads)

for (const folder of positionals) await compare(folder)

async function compare(folder: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'mdmc-bench-'))
  try {
    const ours = await prepare(folder, scratch)
    const peer = await serve('bench/peers/torch_nested_unet.py', [
      ...['--case', folder, '--threads', String(threads), '--serve'],
    ])
    const times = { ours: [] as number[], peer: [] as number[] }
    await ours()
    for (let i = 0; i < runs; i++) {
      times.peer.push(Number(await peer.run()))
      times.ours.push(await ours())
    }
    peer.stop()
    const [a, b] = [median(times.ours), median(times.peer)]
    const show = (list: number[]) => `median ${median(list).toFixed(3)} s, least ${Math.min(...list).toFixed(3)} s`
    console.log(
      `${folder}: ONNX Runtime ${show(times.ours)}; PyTorch ${show(times.peer)}; ratio ${(a / b).toFixed(3)} (${runs} runs each in turn, ${threads} threads)`,
    )
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Compiles the case's model with the rule's weights and gives a function that times one forward in seconds. */
async function prepare(folder: string, scratch: string): Promise<() => Promise<number>> {
  const fail = (finding: { message: string }) => {
    throw new Error(finding.message)
  }
  const text =
    importReference('case.json', await readFile(join(folder, 'case.json'), 'utf8'), { name: 'case' }, fail) ?? ''
  const host: SourceHost = { ...disk, read: (path) => (path === 'case.mdm' ? text : disk.read(path)) }
  const program = load('case.mdm', host, fail)
  const model = program && checkProgram(program, fail).at(-1)
  if (!model) throw new Error(`${folder} has no model`)
  const graph = buildDenoiser(model, fail)
  const weights = { values: ruleWeights(graph.parameters), about: 'rule' }
  await compileToFolder(model, graph, scratch, { opset: 17, precision: 'float32', split: false, weights })
  const session = await ort.InferenceSession.create(join(scratch, 'denoiser.onnx'), {
    intraOpNumThreads: threads,
    graphOptimizationLevel: 'all',
  })
  const tensors = await openWeights(join(folder, 'tensors.safetensors'), fail)
  const names: Readonly<Record<string, string>> = { text: 'in.lm_outputs', text_mask: 'in.lm_mask' }
  const feeds: Record<string, InstanceType<typeof ort.Tensor>> = {}
  for (const name of session.inputNames) {
    const stored = names[name] ?? `in.${name}`
    const shape = tensors?.entries.find((entry) => entry.name === stored)?.shape ?? []
    const data = await tensors?.read(stored)
    if (data) feeds[name] = new ort.Tensor('float32', data, [...shape])
  }
  await tensors?.close()
  return async () => {
    const start = performance.now()
    await session.run(feeds)
    return (performance.now() - start) / 1000
  }
}
