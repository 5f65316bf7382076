/** The examples of deployment: the script in Node and the page in a real Chromium, on what `compile` wrote. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { chromium, type ConsoleMessage } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileToFolder } from '../../backends/onnx/compile.js'
import { buildSamplerStep } from '../../compiler/build/sampler.js'
import { ruleWeights } from '../../runtime/weights/rule.js'
import { modelOf } from '../sampling/models.js'
import { graphOf, noReport } from '../shipped.js'
import { temporaryFolder } from './support.js'

const folder = temporaryFolder()
const examples = ['sample.mjs', 'index.html'].map((name) => join('examples/deploy', name))
const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium'

beforeAll(async () => {
  const model = modelOf(`
    model Tiny {
      condition label { classes 5 }
      level 16 { channels 32  blocks 1 }
      level 8 { channels 32  blocks 1  attention 1 }
    }
    sample Tiny { method ddim  eta 0.5  steps 4  guidance 2 }`)
  const graph = graphOf(model)
  const { threshold } = model.sampling
  await compileToFolder(model, graph, folder, {
    opset: 17,
    precision: 'float32',
    split: false,
    samplerStep: buildSamplerStep(model, noReport, { threshold, guided: true }),
    weights: { values: ruleWeights(graph.parameters), about: 'of the test' },
  })
})

it('are of 40 lines at most', () => {
  for (const path of examples) expect(readFileSync(path, 'utf8').split('\n').length - 1).toBeLessThanOrEqual(40)
})

it('the script writes a picture', async () => {
  const out = join(folder, 'picture.png')
  const run = spawnSync(process.execPath, ['examples/deploy/sample.mjs', folder, out, '3'], { encoding: 'utf8' })
  expect(run.stdout + run.stderr).toBe('')
  const { data, info } = await sharp(out).raw().toBuffer({ resolveWithObject: true })
  expect(info).toMatchObject({ width: 16, height: 16, channels: 3 })
  expect(new Set(data).size).toBeGreaterThan(20)
})

describe.skipIf(!hasChromium())('the page', () => {
  let server: Server
  beforeAll(async () => {
    server = await serve()
  })
  afterAll(() => {
    server.close()
  })

  it('draws a picture', { timeout: 120_000 }, async () => {
    const browser = await chromium.launch({
      executablePath: chromiumPath,
      args: [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ],
    })
    try {
      const page = await browser.newPage()
      const said: string[] = []
      page.on('console', (message: ConsoleMessage) => said.push(message.text()))
      page.on('pageerror', (error) => said.push(error.message))
      const { port } = server.address() as AddressInfo
      await page.goto(`http://127.0.0.1:${port}/index.html`)
      await page.fill('#label', '3')
      await page.click('#draw', { timeout: 60_000 })
      await page.locator('#state', { hasText: 'done' }).waitFor({ timeout: 60_000 })
      const picture = Buffer.from((await page.locator('#canvas').evaluate(toPng)).split(',')[1] ?? '', 'base64')
      const { data, info } = await sharp(picture).removeAlpha().raw().toBuffer({ resolveWithObject: true })
      expect(info).toMatchObject({ width: 16, height: 16 })
      expect(new Set(data).size).toBeGreaterThan(20)
      expect(said).toEqual([])
    } finally {
      await browser.close()
    }
  })
})

/** Runs in the page. */
function toPng(canvas: unknown): string {
  return (canvas as { toDataURL(): string }).toDataURL()
}

function hasChromium(): boolean {
  const found = existsSync(chromiumPath)
  if (!found)
    console.log(`skipped: the page needs Chromium at ${chromiumPath}; the variable CHROMIUM names another place`)
  return found
}

/** The page with the folders that its README asks for beside it. */
async function serve(): Promise<Server> {
  const types: Readonly<Record<string, string>> = {
    '.html': 'text/html',
    '.mjs': 'text/javascript',
    '.wasm': 'application/wasm',
    '.json': 'application/json',
  }
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://localhost')
    const path = pathname.startsWith('/model/')
      ? join(folder, pathname.slice('/model'.length))
      : join(pathname.startsWith('/node_modules/') ? '.' : 'examples/deploy', pathname)
    if (!existsSync(path)) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream' })
    return response.end(readFileSync(path))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
