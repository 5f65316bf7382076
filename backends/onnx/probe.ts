/** Whether ONNX Runtime can compute on a device here, found out in a process of its own: a driver may print or crash. */
import { spawnSync } from 'node:child_process'
import type { Device } from './devices.js'
import { encodeModel } from './encode.js'

const script = `
  const { default: runtime } = await import(process.argv[1])
  const model = Buffer.from(process.argv[2], 'base64')
  await runtime.InferenceSession.create(model, { executionProviders: [process.argv[3]], logSeverityLevel: 4 })
`

/** Whether the smallest of models can be made ready on the device. */
export function works(device: Device): boolean {
  if (device === 'cpu') return true
  const input = { name: 'x', elementType: 'float32', shape: [1] } as const
  const model = encodeModel(
    {
      name: 'probe',
      opset: 17,
      inputs: [input],
      outputs: [{ ...input, name: 'y' }],
      values: [],
      nodes: [{ name: 'y', opType: 'Neg', inputs: ['x'], outputs: ['y'], attributes: {} }],
      constants: [],
      parameters: [],
    },
    () => ({ bytes: new Uint8Array() }),
  )
  const runtime = import.meta.resolve('onnxruntime-node')
  const given = [runtime, Buffer.from(model).toString('base64'), device]
  const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', script, ...given], { stdio: 'ignore' })
  return status === 0
}
