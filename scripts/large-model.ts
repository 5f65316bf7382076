/**
 * Compiles a model of more than 2 GiB and loads it in ONNX Runtime, with the memory and time of both. Needs 2.6 GB of
 * disk for a while. Ends with code 1 where compiling takes a gigabyte of memory or more, or loading
 * gives a warning.
 *
 *     npx tsdown && npx tsx scripts/large-model.ts
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const spec = `model Large {
  embedding 1024
  condition text { width 2048  project 1024  layers 2 }

  level 64 { channels 256  blocks 2 }
  level 32 { channels 512  blocks 2  attention 1 }
  level 16 { channels 1024  blocks 2  attention 5 }
  middle { attention 1 }
}
`

/** Loads a file and runs it once on zeros. */
const loader = `
import { InferenceSession, Tensor } from 'onnxruntime-node'
const session = await InferenceSession.create(process.argv[1], { logSeverityLevel: 2 })
const zeros = (...shape) => new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b)), shape)
const results = await session.run({ x_64: zeros(1, 3, 64, 64), times: zeros(1), text: zeros(1, 4, 2048), text_mask: zeros(1, 4) })
if (results.pred_64.dims.join() !== '1,3,64,64') throw new Error('a prediction of another shape')
`

const folder = mkdtempSync(join(tmpdir(), 'mdmc-large-'))
const report = join(folder, 'usage.json')
/** Runs in the measured process and writes down what it has used. */
const meter = `data:text/javascript,${encodeURIComponent(
  `import { writeFileSync } from 'node:fs'
  process.on('exit', () => writeFileSync(${JSON.stringify(report)}, JSON.stringify(process.resourceUsage())))`,
)}`

/** Runs Node with these arguments; the most memory held, in MiB, and what it said. */
function measure(what: string, given: readonly string[]): { peak: number; said: string } {
  const started = performance.now()
  const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' }
  const run = spawnSync(process.execPath, ['--import', meter, ...given], { encoding: 'utf8', env })
  const seconds = (performance.now() - started) / 1000
  if (run.status !== 0) throw new Error(`${what} failed:\n${run.stdout}${run.stderr}`)
  const { maxRSS } = JSON.parse(readFileSync(report, 'utf8')) as NodeJS.ResourceUsage
  const peak = maxRSS / 1024
  console.log(`${what.padEnd(22)} ${seconds.toFixed(1).padStart(6)} s ${peak.toFixed(0).padStart(7)} MiB`)
  return { peak, said: run.stdout + run.stderr }
}

try {
  const [source, out] = [join(folder, 'large.mdm'), join(folder, 'out')]
  writeFileSync(source, spec)
  const { peak } = measure('compile', [resolve('dist/mdmc.js'), 'compile', source, '--seed', '1', '-o', out])
  const bytes = statSync(join(out, 'denoiser.onnx.data')).size
  console.log(`weights                ${(bytes / 2 ** 30).toFixed(2)} GiB`)
  const { said } = measure('load and run once', ['--input-type=module', '-e', loader, join(out, 'denoiser.onnx')])
  if (said !== '') console.log(said)
  if (bytes <= 2 ** 31 || peak >= 1024 || said !== '') process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
