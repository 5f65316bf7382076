/** examples/browser in a real Chromium: a compiled model samples and trains on every device, and without the server. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { basename, resolve } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'
import sharp from 'sharp'
import { preview, type PreviewServer } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ruleWeights } from '../../runtime/weights/rule.js'
import { writeSafetensors } from '../../runtime/weights/write-safetensors.js'
import { Folder, succeed } from '../cli/run.js'
import { graphOf, noReport } from '../shipped.js'
import { modelOf } from '../sampling/models.js'

const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const flags = [
  ...['--headless', '--no-sandbox', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  // The software renderer stands in for a graphics card.
  ...['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader'],
]
/** Of few kernels: SwiftShader takes long to prepare each, and milliseconds to run it. */
const spec = `
block light(x, emb, out) {
  return (x | mix: conv(out, 1)) + (emb | time: linear(out)) | silu
}

model Small {
  groups 8
  embedding 16
  condition text { width 8  encoder "hash" }
  level 4 { channels 16  blocks 1  residual light }
}

model Tiny nests Small {
  groups 8
  level 8 { channels 8  blocks 1  residual light }
  level 4 { channels 16  blocks 1  residual light }
}

train Tiny {
  optimizer adamw { rate 1e-2 }
  phase Tiny { steps 20  batch 2 }
}

sample Tiny { method dpm  steps 4  guidance 2 }
`
const folder = new Folder()
const model = folder.at('tiny.mdm')
const built = folder.at('built')
const images = ['red square.png', 'blue_square.png'].map((name) => folder.at(name))
const hasChromium = existsSync(chromiumPath)
if (!hasChromium)
  console.log(`skipped: the page needs Chromium at ${chromiumPath}; the variable CHROMIUM names another place`)

describe.skipIf(!hasChromium)('the page', { timeout: 300_000 }, () => {
  let server: PreviewServer
  let browser: Browser
  let page: Page
  /** What the page says on its console, and what it asks of other servers. */
  const complaints: string[] = []

  beforeAll(async () => {
    await prepare()
    server = await serve()
    browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
  }, 120_000)

  afterAll(async () => {
    await browser.close()
    await server.close()
  })

  beforeEach(async () => {
    complaints.length = 0
    page = await browser.newPage()
    page.setDefaultTimeout(240_000)
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`))
    page.on('pageerror', ({ message }) => complaints.push(message))
    page.on('request', (request) => {
      const url = request.url()
      if (!/^(http:\/\/127\.0\.0\.1:|blob:|data:)/.test(url)) complaints.push(`asked for ${url}`)
    })
  })

  afterEach(async () => {
    await page.close()
    expect(complaints).toEqual([])
  })

  async function open(query: string, from = server): Promise<void> {
    await page.goto(`${addressOf(from)}${query}`)
    await page.locator('#sample:enabled, #status.error').first().waitFor()
    expect(await page.textContent('#status')).toBe('')
  }

  /** Samples; what the canvases show then, highest resolution first. */
  async function sample(): Promise<number[][]> {
    await page.locator('#condition input').fill('banana')
    await page.fill('#seed', '7')
    await page.click('#sample')
    await page.locator('#sampling-state', { hasText: '4 steps in' }).waitFor()
    const urls = await page.locator('#pictures canvas').evaluateAll(urlsOf)
    return Promise.all(urls.map((url) => bytesOf(Buffer.from(url.split(',')[1] ?? '', 'base64'))))
  }

  describe.each(['wasm', 'webgpu'])('on %s', (device) => {
    it('samples what `mdmc sample` does, trains ten steps and samples something else', async () => {
      await open(`?device=${device}`)
      expect(await page.inputValue('#device')).toBe(device)
      const before = await sample()
      expect(distance(before[0], await expected('expected'))).toBeLessThan(1)
      expect(before[1]).toHaveLength(3 * 4 * 4)

      await page.setInputFiles('#files', images)
      await page.locator('#examples canvas').nth(1).waitFor()
      expect(await page.locator('#examples input').evaluateAll(valuesOf)).toEqual(['red square', 'blue square'])
      await page.fill('#train-steps', '10')
      await page.fill('#batch', '2')
      await page.click('#train')
      await page.locator('#training-state', { hasText: 'images a second' }).waitFor()
      const [, loss] = /^10 steps, loss ([\d.]+)/.exec((await page.textContent('#training-state')) ?? '') ?? []
      expect(Number(loss)).toBeGreaterThan(0)
      const points = (await page.getAttribute('#curve .each', 'points')) ?? ''
      expect(points).toMatch(/^([\d.]+,[\d.]+ ?){10}$/)

      const after = await sample()
      expect(distance(after[0], before[0])).toBeGreaterThan(2)
      expect(new Set(after[0]).size).toBeGreaterThan(20)
      expect(new Set(after[1]).size).toBeGreaterThan(20)
    })
  })

  it('stops when told to, and keeps what it has learnt on another device', async () => {
    await open('?device=wasm')
    await page.fill('#steps', '900')
    await page.click('#sample')
    await page.click('#cancel')
    await page.locator('#sampling-state', { hasText: 'cancelled' }).waitFor()
    await page.fill('#steps', '4')
    await drop(images)
    await page.fill('#train-steps', '5000')
    await page.fill('#batch', '2')
    await page.click('#train')
    await page.locator('#training-state', { hasText: /step \d\d/ }).waitFor()
    await page.click('#stop')
    await page.locator('#trained', { hasText: 'steps trained here' }).waitFor()
    const learnt = await sample()
    const weights = await download('learnt.safetensors')
    await page.selectOption('#device', 'webgl')
    await page.locator('#sample:enabled').waitFor()
    expect((await download('kept.safetensors')).equals(weights)).toBe(true)
    const [there = []] = await sample()
    // Another device rounds differently, which can tip a few of the bytes to the next one.
    expect(distance(there, learnt[0])).toBeLessThanOrEqual(1)
    expect(there.filter((byte, i) => byte !== learnt[0]?.[i]).length).toBeLessThan(there.length / 20)
  })

  it('gives its weights to `mdmc sample`', async () => {
    await open('?device=wasm')
    await download('Tiny.safetensors')
    await sampleInNode('Tiny.safetensors', 'again')
    expect(await expected('again')).toEqual(await expected('expected'))
  })

  it('works when its server is gone', async () => {
    const own = await serve()
    await open('?device=wasm', own)
    await page.locator('#offline', { hasText: 'works offline' }).waitFor()
    await own.close()
    await page.reload()
    await page.locator('#sample:enabled').waitFor()
    expect(distance((await sample())[0], await expected('expected'))).toBeLessThan(1)
  })

  /** Saves the page's weights, and reads what was saved. */
  async function download(name: string): Promise<Buffer> {
    const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#download')])
    expect(saved.suggestedFilename()).toBe('Tiny.safetensors')
    await saved.saveAs(folder.at(name))
    return readFileSync(folder.at(name))
  }

  /** Drops files onto the page. */
  async function drop(paths: readonly string[]): Promise<void> {
    const files = paths.map((path) => ({ name: basename(path), base64: readFileSync(path, 'base64') }))
    await page.evaluate(`{
      const dataTransfer = new DataTransfer()
      for (const { name, base64 } of ${JSON.stringify(files)}) {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
        dataTransfer.items.add(new File([bytes], name, { type: 'image/png' }))
      }
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true }))
    }`)
    await page
      .locator('#examples canvas')
      .nth(paths.length - 1)
      .waitFor()
  }
})

/** The compiled model, what `mdmc sample` makes of it, the built page, and images to train on. */
async function prepare(): Promise<void> {
  folder.write('tiny.mdm', spec)
  const rule = ruleWeights(graphOf(modelOf(spec)).parameters)
  await writeSafetensors(folder.at('rule.safetensors'), rule.entries, ({ name }) => rule.read(name), noReport)
  await sampleInNode('rule.safetensors', 'expected')
  const target = ['--target', 'tfjs', '--weights', folder.at('rule.safetensors')]
  await succeed(['compile', model, ...target, '-o', folder.at('model')])
  const vite = [
    resolve('node_modules/vite/bin/vite.js'),
    'build',
    'examples/browser',
    '--outDir',
    built,
    '--emptyOutDir',
  ]
  execFileSync(process.execPath, vite, {
    stdio: 'ignore',
    env: { ...process.env, NODE_ENV: 'production', MODEL: folder.at('model') },
  })
  for (const [i, background] of ['#d02020', '#2040d0'].entries())
    await sharp({ create: { width: 40, height: 20 + 30 * i, channels: 3, background } }).toFile(images[i] ?? '')
}

async function sampleInNode(weights: string, to: string): Promise<void> {
  const settings = ['--prompt', 'banana', '--seed', '7']
  await succeed(['sample', model, '--weights', folder.at(weights), ...settings, '-o', folder.at(to)])
}

/** What `mdmc sample` drew into a folder. */
const expected = (to: string) => bytesOf(folder.at(to, '0000.png'))

/** Red, green and blue of a picture. */
async function bytesOf(picture: string | Buffer): Promise<number[]> {
  return [...(await sharp(picture).removeAlpha().raw().toBuffer())]
}

function serve(): Promise<PreviewServer> {
  const [root, host] = ['examples/browser', '127.0.0.1']
  return preview({ root, build: { outDir: built }, preview: { host, port: 0 }, logLevel: 'warn' })
}

function addressOf({ httpServer }: PreviewServer): string {
  return `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}/`
}

/** Largest difference. */
function distance(a: readonly number[] = [], b: readonly number[] = []): number {
  expect(a.length).toBe(b.length)
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? NaN))))
}

// What follows runs in the page.

function urlsOf(canvases: unknown[]): string[] {
  return (canvases as { toDataURL(): string }[]).map((canvas) => canvas.toDataURL())
}

function valuesOf(fields: unknown[]): string[] {
  return (fields as { value: string }[]).map(({ value }) => value)
}
