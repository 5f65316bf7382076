/**
 * Runs a compiled model once in ONNX Runtime, on noise: `node scripts/run-once.mjs FOLDER`. It knows the model by its
 * manifest.json alone, as a program that ships the model would.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

process.env.ORT_DISABLE_TELEMETRY ??= '1'
const { InferenceSession, Tensor } = await import('onnxruntime-node')

const folder = process.argv[2]
if (folder === undefined) {
  console.error('usage: node scripts/run-once.mjs FOLDER')
  process.exit(2)
}
const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))

/** Symbolic sizes, by name. */
const sizes = { batch: 1, tokens: 32 }

/** Noise for images and text, every token real, a time in the middle, the defaults of micro-conditions. */
function valueFor({ name, type, shape: dimensions, default: usual }) {
  const shape = dimensions.map((size) => (typeof size === 'number' ? size : sizes[size]))
  const count = product(shape)
  if (type === 'int64') return new Tensor('int64', new BigInt64Array(count), shape)
  const fixed = usual ?? { times: 500, text_mask: 1 }[name]
  return new Tensor(
    'float32',
    Float32Array.from({ length: count }, () => fixed ?? normal()),
    shape,
  )
}

function product(shape) {
  return shape.reduce((result, size) => result * size, 1)
}

function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())
}

/** The result of some work, and a line with how long it took. */
async function timed(what, work) {
  const start = performance.now()
  const result = await work()
  console.log(`${what.padEnd(24)} ${((performance.now() - start) / 1000).toFixed(2).padStart(6)} s`)
  return result
}

function describe(tensors) {
  for (const [name, { dims, data }] of Object.entries(tensors)) {
    const numbers = Array.from(data, Number)
    const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length
    const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length
    const size = `[${dims.join(', ')}]`.padEnd(20)
    console.log(`  ${name.padEnd(12)} ${size} mean ${mean.toFixed(4)}, deviation ${Math.sqrt(variance).toFixed(4)}`)
  }
}

const parameters = manifest.parameters.reduce((sum, { shape }) => sum + product(shape), 0)
console.log(`${manifest.model}: ${parameters.toLocaleString('en')} parameters, ${manifest.weights}`)

const values = {}
for (const { role, path, inputs } of [...manifest.files].sort((a, b) => a.role.localeCompare(b.role))) {
  console.log(`\n${path}: opset ${manifest.opset}, ${manifest.precision}`)
  const session = await timed(`load ${path}`, () => InferenceSession.create(join(folder, path)))
  const feeds = Object.fromEntries(inputs.map((input) => [input.name, values[input.name] ?? valueFor(input)]))
  const results = await timed(`run the ${role}`, () => session.run(feeds))
  await timed(`run it again`, () => session.run(feeds))
  await session.release()
  Object.assign(values, results)
  console.log('inputs')
  describe(feeds)
  console.log('outputs')
  describe(results)
}
