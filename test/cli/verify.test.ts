/** `mdmc verify`: its results as text and JSON, failing and unfit cases. */
import { cpSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Folder, json, mdmc, succeed } from './run.js'

const folder = new Folder()
const cases = 'test/fixtures/conformance'

interface Verified {
  readonly cases: readonly {
    readonly case: string
    readonly engine: string
    readonly passed: boolean
    readonly tensors: readonly {
      readonly name: string
      readonly error: number
      readonly tolerance: number
      readonly group?: string
    }[]
  }[]
}

/** A copy of a case whose case.json is changed. */
function changed(name: string, to: string, change: (file: Record<string, unknown>) => void): string {
  cpSync(`${cases}/${name}`, folder.at(to), { recursive: true })
  const file = JSON.parse(readFileSync(folder.at(to, 'case.json'), 'utf8')) as Record<string, unknown>
  change(file)
  folder.write(`${to}/case.json`, JSON.stringify(file))
  return folder.at(to)
}

describe.each(['onnx', 'reference'])('%s', (engine) => {
  it('prints exactly the promised JSON', async () => {
    const given = ['verify', `${cases}/unet-class`, `${cases}/nested3-ratio2`, '--engine', engine, '--json']
    const ended = await succeed(given)
    expect(ended.err).toBe('')
    const result = json(ended) as Verified
    expect(Object.keys(result)).toEqual(['cases'])
    for (const one of result.cases) {
      expect(Object.keys(one)).toEqual(['case', 'engine', 'passed', 'tensors'])
      expect(one).toMatchObject({ engine, passed: true })
      for (const tensor of one.tensors.filter(({ group }) => group === undefined)) {
        expect(Object.keys(tensor)).toEqual(['name', 'error', 'tolerance'])
        expect(tensor.tolerance).toBe(2e-4)
        expect(tensor.error).toBeLessThan(6e-6)
      }
      const gradient = one.tensors.find(({ group }) => group === 'gradients')
      expect(Object.keys(gradient ?? {})).toEqual(['name', 'error', 'tolerance', 'group'])
    }
    expect(
      result.cases.map((one) => [
        one.case,
        one.tensors.filter(({ group }) => group === undefined).map(({ name }) => name),
      ]),
    ).toEqual([
      [`${cases}/unet-class`, ['pred_16']],
      [`${cases}/nested3-ratio2`, ['pred_16', 'pred_8', 'pred_4']],
    ])
  })
})

it('prints every tensor, and how many cases passed', async () => {
  const { out } = await succeed(['verify', `${cases}/unet-class`, '--threads', '1'])
  expect(out).toMatch(
    /^passed {2}\S+unet-class\n {8}pred_16 +error \d\.\d\de-\d {2}tolerance 0\.0002\n {8}\d+ gradients: error at most .+\n {8}5 vanishing gradients: .+\n1 of 1 case passed on onnx, cpu\n$/,
  )
})

it('ends with code 1 where a case fails', async () => {
  const ended = await mdmc(['verify', `${cases}/unet-class`, '--tolerance', '1e-12', '--json'])
  expect(ended.code).toBe(1)
  expect((json(ended) as Verified).cases[0]).toMatchObject({ passed: false })
  expect((json(ended) as Verified).cases[0]?.tensors[0]).toMatchObject({ name: 'pred_16', tolerance: 1e-12 })
})

it('compares parameters alone where no figures are recorded', async () => {
  const { out } = await succeed(['verify', `${cases}/full/released-64`])
  expect(out).toContain('parameters only: names, shapes and order agree')
})

it('names the first parameter that differs', async () => {
  const path = changed('unet-class', 'other-parameters', (file) => {
    file.parameters = { ...(file.parameters as object), 'conv_out.bias': [4] }
  })
  const { code, err } = await mdmc(['verify', path])
  expect(code).toBe(1)
  expect(err).toContain('conv_out.bias [4]')
  expect(err).toContain('conv_out.bias [3]')
})

it('verifies steps of training', async () => {
  const { out } = await succeed(['verify', `${cases}/train-nested`])
  expect(out).toMatch(/step3\.loss +error \d\.\d\de[-+]\d/)
  expect(out).toMatch(/\n {8}178 parameters: error at most \d\.\d\de-\d \(\S+\) {2}tolerance 0\.001\n/)
})

it('takes a folder of cases', async () => {
  cpSync(`${cases}/unet-class`, folder.at('several', 'b'), { recursive: true })
  cpSync(`${cases}/unet-unconditional`, folder.at('several', 'a'), { recursive: true })
  const ended = await succeed(['verify', folder.at('several'), '--json'])
  expect((json(ended) as Verified).cases.map((one) => one.case)).toEqual([
    folder.at('several', 'a'),
    folder.at('several', 'b'),
  ])
})

it.runIf(process.platform === 'linux')('says what CUDA needs where it is missing', async () => {
  const environment = { CUDA_VISIBLE_DEVICES: '', LD_LIBRARY_PATH: '' }
  const { code, out, err } = await mdmc(['verify', `${cases}/unet-class`, '--device', 'cuda'], { env: environment })
  expect(code).toBe(3)
  expect(out).toBe('')
  expect(err).toContain('cannot use the device `cuda` here')
  expect(err).toMatch(/CUDA needs .+ driver, CUDA 12 or 13 with cuDNN 9/)
})

it('says how to get PyTorch where it is missing', async () => {
  const given = ['verify', `${cases}/unet-class`, '--engine', 'torch']
  const { code, out, err } = await mdmc(given, { env: { MDMC_PYTHON: folder.at('no-python') } })
  expect(code).toBe(3)
  expect(out).toBe('')
  expect(err).toContain('python3 -m pip install "torch>=2.4" safetensors')
})
