/** How many channels ONNX Runtime's own convolutions take at a time on this processor. */
import type { InferenceSession, Tensor, TypedTensor } from 'onnxruntime-node'
import { encodeModel } from './encode.js'
import { blockedDomain } from './lowerings/convolution.js'

interface Runtime {
  readonly InferenceSession: typeof InferenceSession
  readonly Tensor: typeof Tensor
}

/** Fewer than any block has, so that a processor with blocks gives more. */
const channels = 4

let known: Promise<number | undefined> | undefined

/** Undefined where the processor has none. Found out once, by arranging a small tensor in blocks. */
export function channelBlock(runtime: Runtime): Promise<number | undefined> {
  known ??= measure(runtime).catch(() => undefined)
  return known
}

async function measure({ InferenceSession, Tensor }: Runtime): Promise<number | undefined> {
  const value = (name: string) => ({ name, elementType: 'float32', shape: [1, channels, 1, 1] }) as const
  const node = { name: 'y', opType: 'ReorderInput', inputs: ['x'], outputs: ['y'], attributes: { channels_last: 0 } }
  const model = encodeModel(
    {
      name: 'probe',
      opset: 17,
      inputs: [value('x')],
      outputs: [{ ...value('y'), shape: [1, { coefficient: 1, symbols: ['channels'] }, 1, 1] }],
      values: [],
      nodes: [{ ...node, domain: blockedDomain }],
      constants: [],
      parameters: [],
    },
    () => ({ bytes: new Uint8Array() }),
  )
  const session = await InferenceSession.create(model, { executionProviders: ['cpu'], logSeverityLevel: 4 })
  const x: TypedTensor<'float32'> = new Tensor('float32', new Float32Array(channels), [1, channels, 1, 1])
  const { y } = await session.run({ x })
  await session.release()
  const block = y?.dims[1] ?? 0
  return block > channels ? block : undefined
}
