/** The report: what it shows, that it stands for itself, and that long runs fit in. */
import { readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { smoothed, thinned } from '../../runtime/plots/curves.js'
import type { RunFolder } from '../../runtime/run/folder.js'
import { makeReport } from '../../runtime/run/report.js'
import { noReport } from '../shipped.js'
import { newRun, pngOf, temporaryFolder } from './support.js'

const folder = temporaryFolder()
const step = (size: number) => (_: unknown, i: number) => (i + 1) * size

async function pageOf(name: string, work: (run: RunFolder) => Promise<void>): Promise<string> {
  const run = await newRun(folder.at(name))
  await work(run)
  const path = await run.writeReport(noReport)
  await run.close()
  expect(path).toBe(join(folder.at(name), 'report.html'))
  return readFileSync(path ?? '', 'utf8')
}

/** The page without its style, and with plots and pictures by what they are of. */
function outline(page: string): string {
  return page
    .replace(/<style>[^]*?<\/style>/, '')
    .replace(/<svg[^]*?<\/svg>/g, (svg) => `[plot: ${textsOf(svg).join(', ')}]`)
    .replace(/data:image\/png;base64,[\w+/=]+/g, '[png]')
    .replace(/\d{4}-\d\d-\d\d(T[\d:.]+Z)?/g, '[date]')
}

/** Titles and names in a plot, without the numbers of its axes. */
function textsOf(svg: string): string[] {
  const texts = Array.from(svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g), ([, text = '']) => text)
  return [...new Set(texts)].filter((text) => !/^[\d.,]*$/.test(text))
}

/** Everything that a browser would fetch. */
function fetched(page: string): string[] {
  const attributes = Array.from(page.matchAll(/\s(?:src|href|srcset|xlink:href)="([^"]*)"/g), ([, value = '']) => value)
  const styles = Array.from(page.matchAll(/url\(([^)]*)\)|@import ([^;]*)/g), ([all]) => all)
  return [...attributes, ...styles].filter((value) => !/^(data:|#|url\(['"]?#)/.test(value))
}

test('a run at a glance', async () => {
  const page = await pageOf('glance', async (run) => {
    for (const at of Array.from({ length: 50 }, step(20))) {
      const losses = { loss: 1 / at, 'loss/64': 2 / at, 'loss/16': 1 / at }
      const rates = { learning_rate: 1e-4, gradient_norm: 1, images_per_second: 20, loss_scale: 1024 }
      const totals = { images: 32 * at, skipped: 1, examples_skipped: 3, seconds: 100 * at, waiting_seconds: at }
      run.append({ step: at, ...losses, ...rates, ...totals })
      if (at % 500 === 0) {
        run.append({ step: at, 'held_out/loss': 1 / at, 'held_out/loss/64': 1 / at, 'held_out/loss/16': 1 / at })
        await run.samples({ step: at, png: await pngOf(at, 400), captions: ['a cat', '<script>alert("&")</script>'] })
      }
    }
    run.note(812, 'the step was skipped: <b>not finite</b>')
  })
  expect(outline(page)).toMatchSnapshot()
  expect(fetched(page)).toEqual([])
  expect(/<script|NaN|undefined|\[object/.exec(page)).toBeNull()
})

test('a run of which nothing is known yet', async () => {
  const page = await pageOf('young', () => Promise.resolve())
  expect(page).toContain('No step has been reported yet')
  expect(/<svg|<img|NaN|undefined/.exec(page)).toBeNull()
})

test('one resolution is in one plot, and what is not finite is left out', async () => {
  const page = await pageOf('one', async (run) => {
    for (let at = 1; at < 9; at++)
      run.append({ step: at, loss: at === 4 ? NaN : 1 / at, 'loss/64': 1 / at, empty: NaN })
  })
  expect(page.match(/<svg/g)).toHaveLength(1)
  expect(/NaN|Loss by resolution|>1\.5</.exec(page)).toBeNull()
})

test('of many grids, some are shown; damaged ones are left out', async () => {
  const page = await pageOf('many', async (run) => {
    for (const at of Array.from({ length: 40 }, step(25)))
      await run.samples({ step: at, png: await pngOf(at), captions: [] })
    truncateSync(join(run.path, 'samples', 'step-00000025.png'), 60)
  })
  const shown = Array.from(page.matchAll(/<figcaption>step ([\d,]+)/g), ([, at]) => Number(at?.replace(',', '')))
  expect(shown.length).toBeGreaterThan(8)
  expect(shown.length).toBeLessThanOrEqual(12)
  expect(shown.at(-1)).toBe(1000)
  expect(page).toContain(`${shown.length} of 40; all are in the folder samples.`)
  expect(page).toContain('class="pixels"')
})

test('a hundred thousand lines make a page of ordinary size', async () => {
  const page = await pageOf('long', async (run) => {
    for (let at = 1; at <= 20_000; at++) run.append({ step: at, loss: 1 / at })
    for (let at = 1; at <= 300; at++) run.note(20_000, `note ${at}`)
  })
  expect(page.length).toBeLessThan(200_000)
  expect(page).toContain('The last 100 of 300')
})

test('where there is no run, there is no report', async () => {
  const found = new DiagnosticList()
  expect(await makeReport(folder.at('nowhere'), found.report)).toBeUndefined()
  expect(found.all.map(({ code }) => code)).toEqual(['MDM1003'])
})

describe('curves', () => {
  test('smoothing takes noise away and keeps a slope', () => {
    const x = Array.from({ length: 1000 }, (_, i) => i)
    const { y } = smoothed({ x, y: x.map((i) => i + (i % 2 === 0 ? 30 : -30)) })
    for (const i of [10, 500, 989]) expect(Math.abs((y[i] ?? NaN) - i)).toBeLessThan(2)
    expect(smoothed({ x: [1, 2, 3], y: [1, NaN, 3] }).y).toEqual([1, NaN, 3])
    expect(smoothed({ x: [], y: [] })).toEqual({ x: [], y: [] })
  })

  test('thinning keeps spikes and order, and few points as they are', () => {
    const x = Array.from({ length: 100_000 }, (_, i) => i)
    const y = x.map((i) => (i === 777 ? 50 : i === 90_001 ? -50 : i === 40_000 ? NaN : Math.sin(i)))
    const thin = thinned({ x, y })
    expect(thin.x.length).toBeLessThanOrEqual(400)
    expect(thin.x).toEqual(thin.x.toSorted((a, b) => a - b))
    expect(thin.y[thin.x.indexOf(777)]).toBe(50)
    expect(thin.y[thin.x.indexOf(90_001)]).toBe(-50)
    const few = { x: [1, 2], y: [3, NaN] }
    expect(thinned(few)).toBe(few)
  })
})
