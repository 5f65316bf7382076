// node sample.mjs FOLDER [OUT.png] [CONDITION]: an image from a folder that `mdmc compile --with-sampler` wrote, with
// onnxruntime-node alone. CONDITION: the number of a class, or a file of text features (float32, token by token).
import { readFileSync, writeFileSync } from 'node:fs'
import { crc32, deflateSync } from 'node:zlib'
import { InferenceSession, Tensor } from 'onnxruntime-node'

const [folder = 'out', out = 'image.png', condition = '-1'] = process.argv.slice(2)
const manifest = JSON.parse(readFileSync(`${folder}/manifest.json`, 'utf8'))
const { path, inputs } = manifest.files.find(({ role }) => role === 'sampler')
const width = manifest.condition?.width ?? 1
const features = condition.match(/^-?\d+$/) ? Buffer.alloc(4 * width) : readFileSync(condition)
const sizes = { batch: 1, tokens: features.length / 4 / width, steps: manifest.sampling.steps }
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())

function feed({ name, type, shape, default: standard }) {
  const dims = shape.map((size) => sizes[size] ?? size)
  const known = { label: Number(condition), negative_label: -1 }[name] ?? standard ?? (name.endsWith('mask') ? 1 : 0)
  const isNoise = /^(x|noise)_/.test(name)
  const value = (i) => (isNoise ? normal() : name === 'text' ? features.readFloatLE(4 * i) : known)
  const values = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => value(i))
  return [name, new Tensor(type, type === 'int64' ? BigInt64Array.from(values, BigInt) : values, dims)]
}

function chunk(name, bytes) {
  const whole = Buffer.from([0, 0, 0, 0, ...Buffer.from(name), ...bytes, 0, 0, 0, 0])
  whole.writeUInt32BE(bytes.length)
  whole.writeUInt32BE(crc32(whole.subarray(4, -4)), whole.length - 4)
  return whole
}

const session = await InferenceSession.create(`${folder}/${path}`)
const { data, dims } = (await session.run(Object.fromEntries(inputs.map(feed))))[session.outputNames[0]]
const [across, down] = [dims.at(-1), data.length / 3 / dims.at(-1)] // frames of a video lie below each other
const pixel = (y, i) => (i < 0 ? 0 : 127.5 * data[((i % 3) * down + y) * across + Math.floor(i / 3)] + 127.5)
const rows = Array.from({ length: down }, (_, y) => Array.from({ length: 3 * across + 1 }, (_, i) => pixel(y, i - 1)))
const header = [0, 0, across >> 8, across & 255, 0, 0, down >> 8, down & 255, 8, 2, 0, 0, 0]
const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(Uint8Array.from(rows.flat()))), chunk('IEND', [])]
writeFileSync(out, Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks]))
