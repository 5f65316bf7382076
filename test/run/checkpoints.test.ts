/** Checkpoints: what is kept, and that damage of any kind is noticed. */
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { latestCheckpoint, stepName, stepOf } from '../../runtime/run/checkpoints.js'
import { openWeights } from '../../runtime/weights/open.js'
import { noReport } from '../shipped.js'
import { expectWhole, latest, newRun, openRun, temporaryFolder } from './support.js'
import { checkpointOf } from './training.js'

const folder = temporaryFolder()
const names = (path: string) => readdirSync(join(path, 'checkpoints')).sort()
const place = (path: string, step: number, file = '') => join(path, 'checkpoints', stepName(step), file)

/** A run with checkpoints of these steps. */
async function runWith(name: string, steps: readonly number[], keep = 10): Promise<string> {
  const path = folder.at(name)
  const run = await newRun(path)
  for (const step of steps) await run.checkpoint(checkpointOf(step), keep)
  await run.close()
  return path
}

test('names of checkpoints are in the order of the steps, and nothing else is one', () => {
  expect(stepName(1200)).toBe('step-00001200')
  expect([0, 1200, 123_456_789_012].map((step) => stepOf(stepName(step)))).toEqual([0, 1200, 123_456_789_012])
  expect(stepOf('step-00001200.png', '.png')).toBe(1200)
  for (const name of ['step-1', 'step-00001200.x.partial', 'step-0000120x', 'step-00001200.png'])
    expect(stepOf(name), name).toBeUndefined()
})

describe('a checkpoint', () => {
  test('comes back as it was given, the values without a copy', async () => {
    const path = folder.at('given')
    const run = await newRun(path)
    expect(await run.resume(noReport)).toBeUndefined()
    // As an arena of all parameters would have them: views that lie side by side in one memory.
    const memory = new Float32Array(1000).map((_, i) => i)
    const views = [memory.subarray(10, 16), memory.subarray(16, 1000)]
    const tensors = views.map((values, i) => ({ name: `v${i}`, shape: [values.length], values }))
    const state = { phase: 2, nested: { list: [1, 'a', null, true] }, nan: NaN }
    await run.checkpoint({ step: 5, best: true, state, tensors: { model: tensors } }, 1)
    await run.close()

    const saved = await latestCheckpoint(path, noReport)
    expect(saved).toMatchObject({ step: 5, best: true, state: { ...state, nan: null }, folder: place(path, 5) })
    expect(Object.keys(saved?.tensors ?? {})).toEqual(['model'])
    expect(await saved?.tensors.model?.read('v0')).toEqual(views[0])
    expect(await saved?.tensors.model?.read('v1')).toEqual(views[1])
    await saved?.close()
  })

  test('takes the place of one of the same step', async () => {
    const path = await runWith('same', [3, 3, 3])
    expect(names(path)).toEqual(['step-00000003'])
    expect((await latest(path)).step).toBe(3)
  })

  test('is found and put back where another was about to take its place', async () => {
    const path = await runWith('replaced', [3, 6])
    renameSync(place(path, 6), `${place(path, 6)}.replaced`)
    mkdirSync(`${place(path, 6)}.8c1d7c9e-30f9-4a9a-93b8-6cd9ff0b3a11.partial`)
    expect(await latest(path)).toEqual({ step: 6, text: '' })
    await (await openRun(path)).close()
    expect(names(path)).toEqual(['step-00000003', 'step-00000006'])
    cpSync(place(path, 6), `${place(path, 6)}.replaced`, { recursive: true })
    await (await openRun(path)).close()
    expect(names(path)).toEqual(['step-00000003', 'step-00000006'])
  })
})

describe('kept are', () => {
  test('the last few and the best', async () => {
    const path = folder.at('pruned')
    const run = await newRun(path)
    for (let step = 1; step <= 9; step++) await run.checkpoint(checkpointOf(step, step === 2 || step === 4), 2)
    await run.close()
    expect(names(path)).toEqual([4, 8, 9].map(stepName))
  })

  test('at least the new one', async () => {
    expect(names(await runWith('one', [1, 2], 0))).toEqual([stepName(2)])
  })

  test('none of a future that was given up', async () => {
    const path = await runWith('future', [10, 20, 30])
    truncateSync(place(path, 30, 'model.safetensors'), 100)
    const run = await openRun(path)
    const found = new DiagnosticList()
    const saved = await run.resume(found.report)
    expect(found.all.map(({ code }) => code)).toEqual(['MDM1006'])
    if (saved) await expectWhole(saved)
    expect(saved?.step).toBe(20)
    await run.checkpoint(checkpointOf(25), 2)
    await run.close()
    expect(names(path)).toEqual([20, 25].map(stepName))
  })
})

describe('damage', () => {
  const damages: [string, (path: string) => void][] = [
    ['a file cut short', (path) => truncateSync(place(path, 30, 'optimizer.safetensors'), 1000)],
    ['other bytes', (path) => overwrite(place(path, 30, 'average.safetensors'), 700)],
    ['a file missing', (path) => rmSync(place(path, 30, 'model.safetensors'))],
    [
      'a file that is a folder',
      (path) => {
        rmSync(place(path, 30, 'model.safetensors'))
        mkdirSync(place(path, 30, 'model.safetensors'))
      },
    ],
    ['no state', (path) => rmSync(place(path, 30, 'state.json'))],
    ['a state cut short', (path) => truncateSync(place(path, 30, 'state.json'), 50)],
    ['a state that was changed', (path) => edit(place(path, 30, 'state.json'), '"adam": 30', '"adam": 31')],
    ['a later version', (path) => edit(place(path, 30, 'state.json'), 'mdmc checkpoint 1', 'mdmc checkpoint 2')],
    ['another step in the name', (path) => renameSync(place(path, 30), place(path, 40))],
  ]
  test.each(damages)('%s: the one before is taken', async (name, damage) => {
    const path = await runWith(name, [10, 20, 30])
    damage(path)
    const { step, text } = await latest(path)
    expect(step).toBe(20)
    expect(text.replace(/(is|has) (\d+) bytes/, '$1 N bytes')).toMatchSnapshot()
  })

  test('of all checkpoints is an error, and nothing is removed', async () => {
    const path = folder.at('all')
    const run = await newRun(path)
    run.append({ step: 1, loss: 1 })
    for (const step of [1, 2]) await run.checkpoint(checkpointOf(step), 5)
    await run.close()
    for (const step of [1, 2]) rmSync(place(path, step, 'average.safetensors'))
    expect(await latest(path)).toMatchSnapshot()
    const again = await openRun(path)
    const found = new DiagnosticList()
    expect(await again.resume(found.report)).toBeUndefined()
    await again.close()
    expect(found.hasErrors).toBe(true)
    expect(readFileSync(join(path, 'metrics.jsonl'), 'utf8')).toContain('"loss":1')
    rmSync(place(path, 1), { recursive: true })
    expect((await latest(path)).text).toMatchSnapshot()
  })

  test('of any one byte, and any cut, is noticed', async () => {
    const path = await runWith('any', [10, 20])
    const files = ['model', 'average', 'optimizer'].map((part) => `${part}.safetensors`).concat('state.json')
    const original = new Map(files.map((file) => [file, readFileSync(place(path, 20, file))]))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 0, max: 255 }),
        async (file, share, flip) => {
          const bytes = Buffer.from(original.get(file) ?? [])
          const at = Math.floor(share * bytes.length)
          bytes[at] = (bytes[at] ?? 0) ^ flip
          // A flip of nothing is a cut instead.
          writeFileSync(place(path, 20, file), flip === 0 ? bytes.subarray(0, at) : bytes)
          const { step } = await latest(path)
          // Only the spaces between the values of state.json may differ: they say nothing.
          const same = file === 'state.json' && step === 20
          if (same) expect(JSON.parse(bytes.toString())).toEqual(JSON.parse(original.get(file)?.toString() ?? ''))
          else expect(step).toBe(10)
          writeFileSync(place(path, 20, file), original.get(file) ?? '')
        },
      ),
      { numRuns: 150 },
    )
    expect((await latest(path)).step).toBe(20)
  })
})

test('the final weights are a file as any other', async () => {
  const path = folder.at('final')
  const run = await newRun(path)
  const written = await run.writeWeights(checkpointOf(9).tensors.model, { model: 'Tiny' })
  await run.close()
  expect(written).toBe(join(path, 'model.safetensors'))
  const source = await openWeights(written, noReport)
  expect(source?.metadata).toEqual(new Map([['model', 'Tiny']]))
  expect((await source?.read('conv.bias'))?.[7]).toBe(9)
  await source?.close()
})

function overwrite(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
  expect(statSync(path).size).toBe(bytes.length)
}

function edit(path: string, from: string, to: string): void {
  const text = readFileSync(path, 'utf8')
  expect(text).toContain(from)
  writeFileSync(path, text.replace(from, to))
}
