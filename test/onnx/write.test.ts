/** Files: weights inside or beside the model, whole or not there at all, in every format version. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import protocol from 'onnx-proto'
import { InferenceSession } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { lower } from '../../backends/onnx/lower.js'
import { irVersion } from '../../backends/onnx/model.js'
import { writeModel, writeStructure } from '../../backends/onnx/write.js'
import { network } from './network.js'
import { expectSound, noise, temporaryFolder, TestGraph } from './support.js'

const folder = temporaryFolder()
const net = network()
const model = lower(net.graph)

const decode = (path: string) => protocol.onnx.ModelProto.decode(readFileSync(path))

describe('external data', () => {
  const path = join(folder, 'large.onnx')

  it('stands beside the model, each tensor on pages of its own', async () => {
    const { files, weightBytes } = await writeModel(model, net.weights, path, { inlineLimit: 0 })
    expect(files).toEqual([path, `${path}.data`])
    expect(weightBytes).toBeGreaterThan(statSync(path).size)
    const stored = decode(path).graph?.initializer?.filter(({ externalData }) => externalData?.length) ?? []
    expect(stored.length).toBeGreaterThan(10)
    for (const { name, externalData } of stored) {
      const entries = new Map((externalData ?? []).map(({ key, value }) => [key, value]))
      expect(entries.get('location')).toBe('large.onnx.data')
      const [offset, length] = [Number(entries.get('offset')), Number(entries.get('length'))]
      expect(offset % 4096).toBe(0)
      const bytes = readFileSync(`${path}.data`).subarray(offset, offset + length)
      expect(new Float32Array(new Uint8Array(bytes).buffer)).toEqual(await net.weights.read(name ?? ''))
    }
  })

  it('loads without a warning and passes the checker', () => {
    expectSound([path])
  })
})

it('writes the structure alone', async () => {
  const path = join(folder, 'structure.onnx')
  const { files } = await writeStructure(model, path)
  expect(files).toEqual([path])
  expect(readdirSync(folder)).not.toContain('structure.onnx.data')
  expect(statSync(path).size).toBeLessThan(100_000)
  expect(decode(path).graph?.initializer?.map(({ name }) => name)).toContain('down.0.conv1.weight')
  await expect(InferenceSession.create(path, { logSeverityLevel: 4 })).rejects.toThrow('structure.onnx.data')
})

it('leaves nothing behind where the weights cannot be read', async () => {
  const path = join(folder, 'broken.onnx')
  let reads = 0
  const failing = { read: (name: string) => (reads++ < 5 ? net.weights.read(name) : Promise.reject(new Error('gone'))) }
  await expect(writeModel(model, failing, path, { inlineLimit: 0 })).rejects.toThrow('gone')
  expect(readdirSync(folder).filter((name) => name.includes('broken'))).toEqual([])
})

it('refuses weights of another size', async () => {
  const wrong = { read: () => Promise.resolve(new Float32Array(3)) }
  await expect(writeModel(model, wrong, join(folder, 'wrong.onnx'))).rejects.toThrow('has 3 values')
})

it('says what it is, and nothing of the machine', async () => {
  const path = join(folder, 'said.onnx')
  await writeModel(model, net.weights, path, { description: 'a test', metadata: { hash: 'abc' } })
  const file = decode(path)
  expect(file).toMatchObject({
    producerName: 'mdmc',
    docString: 'a test',
    metadataProps: [{ key: 'hash', value: 'abc' }],
  })
  expect(readFileSync(path).includes(folder)).toBe(false)
})

it.each([17, 18, 19, 20, 21, 22])('writes operator set %i', async (opset) => {
  const path = join(folder, `opset${opset}.onnx`)
  await writeModel(lower(net.graph, { opset, precision: 'float32' }), net.weights, path)
  const file = decode(path)
  expect(Number(file.irVersion)).toBe(irVersion(opset))
  expect(file.opsetImport.map(({ version }) => Number(version))).toEqual([opset])
  expectSound([path])
})

it('knows no other operator sets', () => {
  for (const opset of [16, 23, NaN]) {
    expect(() => lower(net.graph, { opset, precision: 'float32' })).toThrow(RangeError)
  }
})

it('writes no parameter that nothing reads', () => {
  const g = new TestGraph()
  const x = g.input('x', [4])
  g.parameter('unused', noise([4]))
  const { graph } = g.finish({ y: g.b.add(x, g.parameter('used', noise([4]))) })
  expect(lower(graph).parameters.map(({ parameter }) => parameter.name)).toEqual(['used'])
})
