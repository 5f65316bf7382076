/** `mdmc inspect`: figures, parameters, graphs and passes. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parametersOf, readCaseFile, variants } from '../conformance/cases.js'
import { passes } from '../../compiler/passes/index.js'
import { Folder, json, mdmc, succeed } from './run.js'

const folder = new Folder()

describe.each(variants)('%s', (name) => {
  it('has the recorded parameters', async () => {
    const recorded = readCaseFile(`full/${name}`)
    const inspected = json(await succeed(['inspect', `models/${name}.mdm`, '--json'])) as Record<string, unknown>
    expect(inspected.parameterCount).toBe(recorded.parameter_count)
    expect(inspected.parameters).toEqual(parametersOf(recorded))
    expect(inspected.flops).toBeGreaterThan(1e11)
    expect(inspected.peakBytes).toBeGreaterThan(2 ** 24)
  })
})

describe('models/S64S256.mdm', () => {
  const path = 'models/S64S256.mdm'

  it('shows parameters, operations and memory by level', async () => {
    const { out } = await succeed(['inspect', path])
    expect(out).toMatch(
      /^S64S256: 449,833,286 parameters\none run of batch 1, 32 tokens: \d+ GFLOP, \d+ MiB of activations/,
    )
    for (const row of ['level 256', 'level 128', 'level 64', 'level 32', 'level 16', 'middle', 'time, condition']) {
      expect(out).toContain(row)
    }
    expect(out).toContain('x_256        float32 [batch, 3, 256, 256]')
    expect(out).toContain('pred_64      float32 [batch, 3, 64, 64]')
  })

  it('adds up to the whole', async () => {
    interface Rows {
      readonly rows: readonly { readonly parameters: number; readonly flops: number }[]
      readonly parameterCount: number
      readonly flops: number
    }
    const { rows, parameterCount, flops } = json(await succeed(['inspect', path, '--json'])) as Rows
    expect(rows.reduce((sum, row) => sum + row.parameters, 0)).toBe(parameterCount)
    expect(rows.reduce((sum, row) => sum + row.flops, 0) / flops).toBeCloseTo(1, 9)
  })

  it('grows with the batch', async () => {
    const flops = async (batch: string) =>
      (json(await succeed(['inspect', path, '--json', '--batch', batch])) as { flops: number }).flops
    expect((await flops('3')) / (await flops('1'))).toBeCloseTo(3, 1)
  })
})

it('--parameters lists them all, in order', async () => {
  const { out } = await succeed(['inspect', 'models/S64.mdm', '--parameters'])
  const [, ...rows] = out.trimEnd().split('\n')
  const listed = rows.map((row) => row.split(/ {2,}/).slice(0, 2))
  expect(listed).toEqual(
    parametersOf(readCaseFile('full/S64')).map(({ name, shape }) => [name, `[${shape.join(', ')}]`]),
  )
})

describe('--graph', () => {
  it.each([
    ['examples/tiny.mdm', '2'],
    ['models/S64S256.mdm', '3'],
    ['examples/dit.mdm', '1'],
  ])('%s at depth %s', async (path, depth) => {
    const svg = folder.at(`${depth}.svg`)
    expect((await succeed(['inspect', path, '--graph', svg, '--depth', depth])).out).toBe(`${svg}\n`)
    const text = readFileSync(svg, 'utf8')
    expect(text).toMatch(/<svg [^]*<\/svg>\s*$/)
    expectWellFormed(text)
    expect(text.match(/<g id="node/g)?.length).toBeGreaterThan(2)
  })
})

describe('--schedule', () => {
  it.each([
    ['models/S64S256.mdm', ['256', '64']],
    ['examples/video.mdm', ['t4_16', '16']],
    ['examples/tiny.mdm', ['16']],
  ])('%s has a curve for each resolution', async (path, names) => {
    const svg = folder.at('schedule.svg')
    expect((await succeed(['inspect', path, '--schedule', svg])).out).toBe(`${svg}\n`)
    const text = readFileSync(svg, 'utf8')
    expectWellFormed(text)
    expect(text.match(/<path aria-label="step/g)?.length).toBe(names.length)
    for (const shown of [...names, 'log-SNR', 'noise schedule']) expect(text).toContain(shown)
  })
})

/** Every element that is opened is closed, in order; every attribute is quoted. */
function expectWellFormed(xml: string): void {
  const open: string[] = []
  const body = xml.replaceAll(/<!--[^]*?-->|<\?[^]*?\?>|<!DOCTYPE[^>]*>/g, '')
  for (const [tag, closing, name = '', attributes = '', empty] of body.matchAll(
    /<(\/?)([\w:]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
  )) {
    if (closing) expect(open.pop(), tag).toBe(name)
    else if (!empty) open.push(name)
    expect(attributes).not.toMatch(/&(?!amp;|lt;|gt;|quot;|apos;|#)/)
  }
  expect(open).toEqual([])
  expect(body.replaceAll(/<\/?[\w:]+(?:\s+[\w:-]+="[^"<]*")*\s*\/?>/g, '')).not.toMatch(
    /[<>]|&(?!amp;|lt;|gt;|quot;|apos;|#)/,
  )
}

describe('as text', () => {
  it('--ir prints the graph as it is built', async () => {
    const { out } = await succeed(['inspect', 'examples/tiny.mdm', '--ir'])
    expect(out).toContain('pred_16')
    expect(out).toContain('group_norm')
    expect(out).toContain('dropout')
  })

  it('--after a pass prints it as that pass leaves it', async () => {
    const { out } = await succeed(['inspect', 'examples/tiny.mdm', '--after', 'remove-dropout'])
    expect(out).toContain('group_norm')
    expect(out).not.toContain('dropout')
  })

  it('--passes counts the nodes that each pass leaves', async () => {
    const { out } = await succeed(['inspect', 'examples/tiny.mdm', '--passes'])
    const rows = out.trimEnd().split('\n').slice(2)
    expect(rows.map((row) => row.split(/ +/)[0])).toEqual(passes.map(({ name }) => name))
    for (const row of rows) expect(row).toMatch(/^\S+ +\d+ +\S/)
  })
})

it('--model takes one of several', async () => {
  expect((await succeed(['inspect', 'examples/my_block.mdm', '--model', 'WithSqueeze'])).out).toMatch(/^WithSqueeze: /)
  expect((await succeed(['inspect', 'examples/my_block.mdm'])).out).toMatch(/^WithPlainBlocks: /)
})

it('says where a file has no model', async () => {
  const { code, err } = await mdmc(['inspect', 'models/std/blocks.mdm'])
  expect({ code, err }).toEqual({ code: 1, err: 'error: models/std/blocks.mdm has no model\n' })
})
