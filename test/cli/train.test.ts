/** `mdmc train`: what a run leaves, that it goes on exactly where it was killed, and requests that are refused. */
import { execFile, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { Folder, json, mdmc, succeed, type Ended } from './run.js'

const folder = new Folder()
/** Captions are not kept from one run of the tests to the next. */
const env = { XDG_CACHE_HOME: folder.at('cache') }
const cpu = ['--device', 'cpu', '--threads', '1', '--workers', '1']

/** Two phases, dropout, dropped conditions, flips: everything that is drawn. */
const spec = folder.write(
  'small.mdm',
  `model Inner {
  embedding 64
  groups 8
  dropout 0.1
  condition text { width 16  encoder "hash" }

  level 8 { channels 32  blocks 1  attention 1 }
}

model Outer nests Inner {
  groups 8

  level 16 { channels 8  blocks 1 }
  level 8 { channels 16  blocks 1 }

  diffusion { schedule cosine shifted }
}

train Outer {
  optimizer adamw { rate 1e-3  warmup 3  clip 1 }
  average 0.9
  condition_dropout 20%
  flip yes
  phase Inner { steps 6  batch 4 }
  phase Outer { steps 10  batch 4  mix 1:1 }
}

sample Outer { method dpm  steps 4  guidance 2 }
`,
)
const often = ['--save-every', '2', '--log-every', '1', '--sample-every', '0', '--held-out', '5%']

const train = (to: string, ...options: readonly string[]) =>
  succeed(['train', spec, ...cpu, ...often, '-o', folder.at(to), ...options], { env })

const resume = (to: string, ...options: readonly string[]) =>
  mdmc(['train', '--resume', folder.at(to), ...cpu, ...options], { env })

const weightsOf = (to: string) => readFileSync(folder.at(to, 'model.safetensors'))

/** The lines of metrics without what clocks say. */
function metricsOf(to: string): unknown[] {
  const lines = readFileSync(folder.at(to, 'metrics.jsonl'), 'utf8').trim().split('\n')
  return lines.map((line) => {
    const { time, seconds, waiting_seconds, images_per_second, ...rest } = JSON.parse(line) as Record<string, unknown>
    for (const clock of [time, seconds, waiting_seconds, images_per_second].filter((value) => value !== undefined))
      expect(clock).toBeTypeOf('number')
    return rest
  })
}

/** Starts a run that nobody waits for. */
function start(...options: readonly string[]): ChildProcess {
  const given = [resolve('dist/mdmc.js'), 'train', ...cpu, ...options]
  return execFile(process.execPath, given, { env: { ...process.env, ...env } })
}

/** Waits until a checkpoint of at least this step is there. */
async function untilStep(to: string, step: number): Promise<void> {
  const checkpoints = folder.at(to, 'checkpoints')
  const there = () =>
    existsSync(checkpoints) && readdirSync(checkpoints).some((name) => Number(/^step-(\d+)$/.exec(name)?.[1]) >= step)
  for (const started = Date.now(); !there();) {
    if (Date.now() - started > 60_000) throw new Error(`no checkpoint of step ${step}`)
    await new Promise((done) => setTimeout(done, 20))
  }
}

describe('a run', () => {
  let ended: Ended
  beforeAll(async () => {
    ended = await train('whole', '--sample-every', '8', '--prompt', 'red heart', 'owl', '--json')
  }, 120_000)

  it('says what came of it', () => {
    expect(json(ended)).toMatchObject({ model: 'Outer', kind: 'done', steps: 16 })
  })
  it('leaves weights, checkpoints, metrics, pictures and a report', () => {
    expect(
      readdirSync(folder.at('whole'))
        .filter((name) => !name.startsWith('events.out.tfevents'))
        .sort(),
    ).toEqual(['checkpoints', 'metrics.jsonl', 'model.safetensors', 'report.html', 'run.json', 'samples'])
    expect(readdirSync(folder.at('whole', 'samples'))).toContain('step-00000016.png')
    const report = readFileSync(folder.at('whole', 'report.html'), 'utf8')
    expect(report).toContain('red heart')
    expect(report).not.toMatch(/(src|href)="https?:/)
  })
  it('measures losses at each resolution, of what it trains on and of what it holds out', () => {
    const lines = metricsOf('whole')
    expect(lines.find((line) => (line as { step: number }).step === 16)).toMatchObject({
      loss: expect.any(Number) as number,
      'loss/16': expect.any(Number) as number,
      'loss/8': expect.any(Number) as number,
      images: 64,
      skipped: 0,
    })
    expect(lines.at(-1)).toMatchObject({ step: 16, 'held_out/loss/16': expect.any(Number) as number })
  })
  it('gives weights that the other commands take', async () => {
    const weights = ['--weights', folder.at('whole', 'model.safetensors')]
    await succeed(['compile', spec, ...weights, '-o', folder.at('compiled')])
    await succeed(['sample', spec, ...weights, '--prompt', 'red heart', '-o', folder.at('sampled')])
    const { width } = await sharp(folder.at('sampled', '0000.png')).metadata()
    expect(width).toBe(16)
  })
  it('gives the same bits again', async () => {
    await train('again')
    expect(weightsOf('again').equals(weightsOf('whole'))).toBe(true)
  })
})

describe('a run that was interrupted', () => {
  it('goes on exactly after kill -9', async () => {
    for (const step of [2, 8, 12]) {
      const child =
        step === 2 ? start(spec, ...often, '-o', folder.at('killed')) : start('--resume', folder.at('killed'))
      await untilStep('killed', step)
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    expect((await resume('killed')).code).toBe(0)
    expect(weightsOf('killed').equals(weightsOf('whole'))).toBe(true)
    expect(metricsOf('killed')).toEqual(metricsOf('again'))
  }, 120_000)

  it('saves and tells how to go on at Ctrl-C', async () => {
    const child = start(spec, ...often, '-o', folder.at('stopped'))
    let said = ''
    child.stderr?.on('data', (text: Buffer) => (said += text.toString()))
    await untilStep('stopped', 2)
    child.kill('SIGINT')
    const [code] = (await once(child, 'exit')) as [number]
    expect(code).toBe(130)
    expect(said).toContain(`go on with: mdmc train --resume ${folder.at('stopped')}`)
    expect((await resume('stopped')).code).toBe(0)
    expect(weightsOf('stopped').equals(weightsOf('whole'))).toBe(true)
  }, 120_000)

  it('loses the steps of a damaged checkpoint, and says so', async () => {
    const checkpoints = folder.at('again', 'checkpoints')
    rmSync(folder.at('again', 'model.safetensors'))
    truncateSync(join(checkpoints, 'step-00000016', 'model.safetensors'), 1000)
    const { code, err } = await resume('again')
    expect(code).toBe(0)
    expect(err).toMatch(
      /warning MDM1006: this checkpoint is damaged[^]*2 steps will be trained again[^]*going on after step 14/,
    )
    expect(weightsOf('again').equals(weightsOf('whole'))).toBe(true)
  })
})

describe('phases', () => {
  it('begin with the weights of a smaller model that was trained before', async () => {
    const inner = folder.write('inner.mdm', readFileSync(spec, 'utf8').replace(/\nmodel Outer[^]*/, ''))
    await succeed(
      ['train', inner, ...cpu, '--steps', '2', '--batch', '4', '--sample-every', '0', '-o', folder.at('inner')],
      { env },
    )
    const outer = readFileSync(spec, 'utf8').replace(
      / {2}phase[^]*?\n}/,
      `  phase Outer { steps 1  batch 4  freeze nested  start "${folder.at('inner', 'model.safetensors')}" }\n}`,
    )
    const path = folder.write('outer.mdm', outer)
    await succeed(['train', path, ...cpu, '--sample-every', '0', '-o', folder.at('outer')], { env })
    const { openWeights } = await import('../../runtime/weights/open.js')
    const read = async (to: string, name: string) => {
      const source = await openWeights(folder.at(to, 'model.safetensors'), () => undefined)
      const values = await source?.read(name)
      await source?.close()
      return values
    }
    expect(await read('outer', 'inner_unet.conv_in.weight')).toEqual(await read('inner', 'conv_in.weight'))
  })
})

describe('what is wrong is said before anything is written', () => {
  const tiny = 'examples/tiny.mdm'
  it.each<[string, readonly string[], number, RegExp]>([
    ['no phase', [tiny], 1, /MDM1101: there is no section `train Tiny`/],
    ['no file', [], 2, /give an \.mdm file to begin a run, or --resume/],
    ['both', [tiny, '--resume', 'x'], 2, /give an \.mdm file to begin a run, or --resume/],
    ['no such run', ['--resume', folder.at('nowhere')], 1, /there is no run here/],
    ['no such data', [tiny, '--steps', '1', '--batch', '1', '--data', folder.at('nothing')], 1, /there is no data set/],
    ['text without an encoder', ['examples/nested.mdm'], 1, /no text encoder is given/],
    ['a share of all', [tiny, '--held-out', '1'], 2, /a share from 0 to less than 1/],
    [
      'an engine without the device',
      [tiny, '--steps', '1', '--batch', '1', '--engine', 'reference', '--device', 'cuda'],
      2,
      /has no device cuda/,
    ],
  ])('%s', async (_, given, code, message) => {
    const ended = await mdmc(['train', ...given], { env })
    expect(ended.err).toMatch(message)
    expect(ended.code).toBe(code)
  })

  it('a run in a folder that has one', async () => {
    const { code, err } = await mdmc(['train', spec, ...cpu, '-o', folder.at('whole')], { env })
    expect(code).toBe(1)
    expect(err).toContain('this folder holds a run already')
  })

  it('other options for a run that goes on', async () => {
    const { code, err } = await resume('whole', '--batch', '8')
    expect(code).toBe(2)
    expect(err).toContain('a run goes on as it was begun; leave out --batch')
  })

  it('data that is not the same any more', async () => {
    const photos = folder.at('photos')
    mkdirSync(photos)
    const image = sharp({ create: { width: 20, height: 16, channels: 3, background: '#c08040' } })
    for (const name of ['a', 'b', 'c'])
      await image
        .clone()
        .png()
        .toFile(join(photos, `${name}.png`))
    const given = ['--steps', '2', '--batch', '2', '--sample-every', '0', '--data', photos]
    await succeed(['train', tiny, ...cpu, ...given, '-o', folder.at('photo-run')], { env })
    rmSync(join(photos, 'a.png'))
    const { code, err } = await resume('photo-run')
    expect(code).toBe(1)
    expect(err).toContain('is not as it was when the run was begun')
  })
})

it('trains on the reference engine to the same losses', async () => {
  // Without held-out losses, which the reference engine takes longest for.
  const given = ['--steps', '2', '--log-every', '1', '--sample-every', '0', '--held-out', '0']
  for (const [engine, options] of Object.entries({ reference: ['--workers', '1'], onnx: cpu }))
    await succeed(['train', spec, '--engine', engine, ...options, ...given, '-o', folder.at(engine)], { env })
  const losses = (to: string) => metricsOf(to).map((line) => (line as { loss?: number }).loss ?? NaN)
  expect(losses('reference').length).toBe(losses('onnx').length)
  losses('onnx').forEach((loss, i) => {
    if (!Number.isNaN(loss)) expect(losses('reference')[i]).toBeCloseTo(loss, 5)
  })
}, 120_000)
