/** Metrics: what is written is read, and a resumed run's file is that of an undisturbed one. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { AppendedFile } from '../../runtime/run/append.js'
import { cutMetrics, readMetrics } from '../../runtime/run/metrics.js'
import { sampleSteps } from '../../runtime/run/samples.js'
import { noReport } from '../shipped.js'
import { newRun, openRun, pngOf, shown, temporaryFolder } from './support.js'
import { checkpointOf } from './training.js'

const folder = temporaryFolder()
const text = (path: string) => readFileSync(join(path, 'metrics.jsonl'), 'utf8')

test('rows and remarks come back in their order', async () => {
  const path = folder.at('rows')
  const run = await newRun(path)
  const before = Date.now() / 1000
  run.append({ step: 1, loss: 0.1, 'loss/64': NaN, rate: 1e-4 })
  run.note(1, 'a remark\nof "two" lines')
  run.append({ step: 2, loss: Infinity })
  await run.close()
  expect(text(path).split('\n')).toHaveLength(4)
  expect(text(path)).toMatch(/^{"step":1,"time":\d+\.\d+,"loss":0\.1,"loss\/64":null,"rate":0\.0001}\n/)

  const [first, second, third, ...more] = await readMetrics(path, noReport)
  expect(first?.time).toBeGreaterThanOrEqual(before)
  expect(first?.values).toEqual(
    new Map([
      ['loss', 0.1],
      ['loss/64', NaN],
      ['rate', 1e-4],
    ]),
  )
  expect(second).toMatchObject({ step: 1, note: 'a remark\nof "two" lines', values: new Map() })
  expect(third).toMatchObject({ step: 2, values: new Map([['loss', NaN]]) })
  expect(more).toEqual([])
})

test('a run without metrics has none', async () => {
  const path = folder.at('none')
  await (await newRun(path)).close()
  expect(await readMetrics(path, noReport)).toEqual([])
})

test('on resuming, what comes after the checkpoint is removed', async () => {
  const path = folder.at('resumed')
  const run = await newRun(path)
  for (let step = 1; step <= 5; step++) {
    run.append({ step, loss: step })
    run.note(step, 'seen')
    await run.samples({ step, png: await pngOf(step), captions: [] })
    if (step === 3) await run.checkpoint(checkpointOf(step), 1)
  }
  await run.close()
  const kept = text(path).split('\n').slice(0, 6).join('\n') + '\n'
  // A killed run may leave half a line.
  appendFileSync(join(path, 'metrics.jsonl'), '{"step":6,"lo')
  const again = await openRun(path)
  await (await again.resume(noReport))?.close()
  expect(text(path)).toBe(kept)
  expect(await sampleSteps(path)).toEqual([1, 2, 3])
  again.append({ step: 4, loss: 4 })
  await again.close()
  expect(text(path).startsWith(kept)).toBe(true)
  expect((await readMetrics(path, noReport)).map(({ step }) => step)).toEqual([1, 1, 2, 2, 3, 3, 4])
})

test('a run that was killed before its first checkpoint begins anew', async () => {
  const path = folder.at('anew')
  const run = await newRun(path)
  run.append({ step: 0, 'held_out/loss': 1 })
  await run.samples({ step: 0, png: await pngOf(0), captions: [] })
  await run.close()
  const again = await openRun(path)
  expect(await again.resume(noReport)).toBeUndefined()
  await again.close()
  expect(text(path)).toBe('')
  expect(await sampleSteps(path)).toEqual([])
})

test('lines that cannot be read are told and left out', async () => {
  const path = folder.at('damaged')
  const run = await newRun(path)
  run.append({ step: 1, loss: 1 })
  run.append({ step: 2, loss: 2 })
  await run.close()
  const [first = '', second = ''] = text(path).split('\n')
  writeFileSync(join(path, 'metrics.jsonl'), [first, '\0\0\0', '{"loss":3}', second, '[1]', second].join('\n'))
  const found = new DiagnosticList()
  await cutMetrics(path, 9, found.report)
  expect(shown(found, path)).toMatchInlineSnapshot(`
    "warning MDM1008: 3 lines of the metrics cannot be read and are left out
      RUN/metrics.jsonl
      help: curves may have gaps; training itself does not depend on them"
  `)
  expect(text(path)).toBe(`${first}\n${second}\n`)
})

test('a record that cannot be opened for writing is told in words', () => {
  expect(() => new AppendedFile(folder.at('nowhere/metrics.jsonl'))).toThrow(
    /metrics.jsonl cannot be written: there is no such file or folder\n/,
  )
})
