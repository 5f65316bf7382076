import { execFileSync } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { DiagnosticList } from '../../compiler/diagnostics/diagnostic.js'
import { convertWeights } from '../../runtime/weights/convert.js'
import type { WeightSource } from '../../runtime/weights/source.js'
import { opened, temporaryFolder } from './support.js'

const folder = temporaryFolder()
const fixture = (name: string) => new URL(`../fixtures/${name}`, import.meta.url).pathname
const python = findPython()

function findPython(): boolean {
  try {
    execFileSync('python3', ['-c', 'import torch'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function convert(from: string, to: string): Promise<string> {
  const list = new DiagnosticList()
  const written = await convertWeights(from, folder.path(to), list.report)
  expect(list.all.map((it) => it.message)).toEqual([])
  expect(written).toBe(true)
  return folder.path(to)
}

async function contents(source: WeightSource): Promise<Map<string, string>> {
  const result = new Map<string, string>()
  for (const { name, dtype, shape } of source.entries) {
    const pieces: Buffer[] = []
    for await (const piece of source.bytes(name)) pieces.push(Buffer.from(piece))
    result.set(name, `${dtype} [${shape.join()}] ${Buffer.concat(pieces).toString('hex')}`)
  }
  await source.close()
  return result
}

describe.each(['vis_model.pth', 'views.pth'])('%s', (name) => {
  test('to safetensors and back: every byte stays', async () => {
    const original = await contents(await opened(fixture(name)))
    const safetensors = await convert(fixture(name), `${name}.safetensors`)
    const back = await convert(safetensors, `back-${name}`)
    expect(await contents(await opened(safetensors))).toEqual(original)
    expect(await contents(await opened(back))).toEqual(original)
  })

  test.runIf(python)('PyTorch opens what was written, with weights_only=True', async () => {
    const back = await convert(await convert(fixture(name), 'between.safetensors'), `torch-${name}`)
    const program = `
import sys, torch
a = torch.load(sys.argv[1], weights_only=False) if 'views' in sys.argv[1] else torch.load(sys.argv[2])
b = torch.load(sys.argv[2], weights_only=True)
a = a.get('model_state_dict', a)
a = {k.removeprefix('module.'): v for k, v in a.items()}
assert set(a) == set(b), set(a) ^ set(b)
for k, v in b.items():
    assert v.dtype == a[k].dtype and v.shape == a[k].shape and v.is_contiguous(), k
    assert torch.equal(torch.nan_to_num(v.double()), torch.nan_to_num(a[k].detach().double())), k
print(len(b))`
    const count = execFileSync('python3', ['-c', program, fixture(name), back], { encoding: 'utf8' })
    expect(Number(count)).toBe((await contents(await opened(back))).size)
  })
})

test('counters and settings become metadata', async () => {
  const source = await opened(await convert(fixture('vis_model.pth'), 'settings.safetensors'))
  expect(source.metadata.get('batch_num')).toBe('1200')
  expect(source.metadata.get('args')).toContain('"micro_conditioning":"scale:16"')
  await source.close()
})

test('an unknown target and an unreadable source are told', async () => {
  const list = new DiagnosticList()
  expect(await convertWeights(fixture('views.pth'), folder.path('weights.onnx'), list.report)).toBe(false)
  expect(await convertWeights(folder.path('missing.pth'), folder.path('a.safetensors'), list.report)).toBe(false)
  expect(list.all.map((it) => it.code)).toEqual(['MDM0518', 'MDM0501'])
  await expect(stat(folder.path('a.safetensors'))).rejects.toThrow()
})
