/** `mdmc data export`: shards that Python and mdmc read, interruption, and requests that are refused. */
import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, it, test } from 'vitest'
import { Folder, json, mdmc, succeed } from './run.js'

const folder = new Folder()
/** Captions are not kept from one run of the tests to the next. */
const env = { XDG_CACHE_HOME: folder.at('cache') }
const spec = folder.write(
  'small.mdm',
  `model Small {
  groups 8
  condition text { width 6  encoder "hash" }
  micro scale 16
  level 16 { channels 8  blocks 1 }
}
`,
)
const photos = folder.at('photos')
const captions = ['a red cat', 'a dog, asleep', 'größe', 'the last one']

beforeAll(async () => {
  mkdirSync(photos)
  for (const [i, caption] of captions.entries()) {
    const [width, height] = [20 + 3 * i, 30 - i]
    const data = Uint8Array.from({ length: width * height * 3 }, (_, k) => (k * k * 7 + i * 50) % 256)
    await sharp(data, { raw: { width, height, channels: 3 } }).toFile(join(photos, `${i}.jpg`))
    folder.write(join('photos', `${i}.txt`), caption)
  }
  folder.write(join('photos', 'damaged.png'), 'no image')
  folder.write(join('photos', 'damaged.txt'), 'never seen')
})

const exported = (to: string, ...options: readonly string[]) =>
  mdmc(['data', 'export', spec, '--data', photos, '-o', folder.at(to), '--shard-size', '3', ...options], { env })

const python = hasPython()
if (!python) console.warn('exports are not read by Python: python3 cannot import numpy and PIL')

function hasPython(): boolean {
  try {
    execFileSync('python3', ['-c', 'import numpy, PIL'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Reads an export as a data loader does, and prints what it has found. */
const reader = `
import hashlib, io, json, pathlib, sys, tarfile
import numpy
from PIL import Image

folder = pathlib.Path(sys.argv[1])
index = json.loads((folder / "dataset.json").read_text())
samples = {}
for shard in index["shards"]:
    assert (folder / shard["file"]).stat().st_size == shard["bytes"]
    with tarfile.open(folder / shard["file"]) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}
    assert len({name.split(".")[0] for name in members}) == shard["examples"]
    for name, data in members.items():
        key, ending = name.split(".", 1)
        sample = samples.setdefault(key, {})
        if ending == "png":
            image = Image.open(io.BytesIO(data))
            sample["mode"], sample["size"] = image.mode, image.size
            sample["pixels"] = hashlib.sha256(numpy.asarray(image).tobytes()).hexdigest()
        elif ending == "text.npy":
            text = numpy.load(io.BytesIO(data))
            sample["text"] = [str(text.dtype), *text.shape, float((text.astype("float64") ** 2).mean())]
        elif ending == "json":
            sample["micros"] = json.loads(data)
        else:
            sample[ending] = data.decode()
assert len(samples) == index["examples"]
print(json.dumps(samples))
`

describe('an export', () => {
  beforeAll(async () => {
    const ended = await exported('whole', '--json', '--prompt', 'a cat')
    expect(ended.code).toBe(0)
    expect(ended.err).toMatch(
      /warning MDM0910: `damaged.png` is left out: .*\n {2}help: fetch it again, or remove it\n/,
    )
    expect(json(ended)).toMatchObject({
      model: 'Small',
      kind: 'done',
      examples: 4,
      heldOut: 0,
      shards: 2,
      skipped: [{ name: 'damaged.png' }],
    })
  })

  test.runIf(python)('is read by tarfile, Pillow and NumPy', async () => {
    const text = execFileSync('python3', ['-c', reader, folder.at('whole')], { encoding: 'utf8' })
    const samples = Object.values(JSON.parse(text) as Record<string, Record<string, unknown>>)
    expect(samples.map(({ txt }) => txt).sort()).toEqual([...captions].sort())
    for (const { txt, text, ...sample } of samples) {
      const original = sharp(join(photos, `${captions.indexOf(txt as string)}.jpg`))
      const pixels = await original.resize(16, 16, { fit: 'cover', kernel: 'lanczos3' }).raw().toBuffer()
      expect(sample).toEqual({
        mode: 'RGB',
        size: [16, 16],
        pixels: createHash('sha256').update(pixels).digest('hex'),
        micros: { scale: 16 },
      })
      // The built-in encoder: a token per word and sign and one for the end, each of mean square 1.
      const tokens = (txt as string).match(/\p{L}+|,/gu)?.length ?? 0
      expect(text).toEqual(['float32', tokens + 1, 6, expect.closeTo(1, 5)])
    }
  })

  it('is a data set for mdmc', async () => {
    await succeed(
      ['data', 'export', spec, '--data', folder.at('whole'), '--prompt', 'a cat', '-o', folder.at('again')],
      { env },
    )
    const { examples, text } = JSON.parse(readFileSync(folder.at('again', 'dataset.json'), 'utf8')) as {
      examples: number
      text: unknown
    }
    expect([examples, text]).toEqual([4, [5, 6]])
  })

  it('that is called again has nothing to do, or is refused with other settings', async () => {
    const again = await exported('whole', '--prompt', 'a cat')
    expect(again.code).toBe(0)
    expect(again.out.trim()).toBe(folder.at('whole', 'dataset.json'))
    const other = await exported('whole', '--prompt', 'a cat', '--held-out', '50%')
    expect(other.code).toBe(1)
    expect(other.err).toContain('MDM1402: the export in this folder was begun with other settings: held out')
  })
})

it('goes on after Ctrl-C where it was', async () => {
  const to = folder.at('stopped')
  const given = ['data', 'export', spec, '--only', 'People & Body', '--workers', '1', '--shard-size', '20', '-o', to]
  const child = execFile(process.execPath, [resolve('dist/mdmc.js'), ...given], { env: { ...process.env, ...env } })
  let said = ''
  child.stderr?.on('data', (text: Buffer) => (said += text.toString()))
  while (!existsSync(join(to, '000000.tar')) && child.exitCode === null)
    await new Promise((done) => setTimeout(done, 5))
  child.kill('SIGINT')
  const [code] = (await once(child, 'exit')) as [number]
  expect(code, said).toBe(130)
  expect(said).toContain('the same command goes on')
  expect(readdirSync(to).filter((name) => !/^(\d{6}\.tar|export\.json)$/.test(name))).toEqual([])
  const { err } = await succeed(given, { env })
  expect(err).toMatch(/^going on after \d+ examples$/m)
  expect(existsSync(join(to, 'dataset.json'))).toBe(true)
}, 120_000)

describe('what is wrong is said before anything is written', () => {
  it.each<[string, readonly string[], number, RegExp]>([
    ['no file', [], 2, /missing required argument 'file'/],
    ['no such data', [spec, '--data', folder.at('nothing')], 1, /there is no data set/],
    ['an unknown label', [spec, '--only', 'Fod'], 1, /no example has the label `Fod`/],
    ['text without an encoder', ['examples/nested.mdm'], 1, /no text encoder is given/],
    ['labels for a model of text', [spec, '--label', '3'], 1, /Small takes prompts, not labels/],
    ['an encoder for a model of none', ['examples/tiny.mdm', '--encoder', 'hash'], 1, /--encoder/],
    ['an empty shard', [spec, '--shard-size', '0'], 2, /must be a whole number from 1/],
    ['a share of all', [spec, '--held-out', '100%'], 2, /a share from 0 to less than 1/],
    ['an unknown precision', [spec, '--text-precision', 'int8'], 2, /fp32, fp16/],
  ])('%s', async (_, given, code, message) => {
    const ended = await mdmc(['data', 'export', ...given, '-o', folder.at('refused')], { env })
    expect(ended.err).toMatch(message)
    expect(ended.code).toBe(code)
    expect(existsSync(folder.at('refused'))).toBe(false)
  })

  it('a place that cannot be written to', async () => {
    const { code, err } = await exported(join('small.mdm', 'out'))
    expect(code).toBe(3)
    expect(err).toMatch(/small\.mdm.* cannot be written/)
  })
})

it('has help with examples', async () => {
  expect((await succeed(['--help'])).out).toMatch(/^ {2}data /m)
  const { out } = await succeed(['data', 'export', '--help'])
  expect(out).toContain('Usage: mdmc data export [options] <file>')
  expect(out).toMatch(/\nExamples:\n( {2}mdmc data export .+\n){2,}/)
})
