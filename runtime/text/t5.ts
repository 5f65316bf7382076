/** A T5 encoder as ONNX: a folder with the model and its tokenizer (docs/text.md tells how to make it). */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { InferenceSession } from 'onnxruntime-node'
import { threadSettings } from '../../backends/onnx/cores.js'
import { firstLine } from '../../backends/onnx/devices.js'
import { loadRuntime } from '../../backends/onnx/engine.js'
import { EngineUnavailable } from '../../backends/unavailable.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { encoderFileMissing, encoderInvalid, encoderWidth } from '../../compiler/diagnostics/text.js'
import { wholeFile } from '../weights/failure.js'
import { encoderOfRows, type TextEncoder } from './encoder.js'
import { openTokenizer } from './tokenizer.js'

/** Names that exporters give to the encoder's model, the first one first. */
const modelFiles = ['encoder_model.onnx', 'model.onnx'] as const
const ids = 'input_ids'
const mask = 'attention_mask'
const output = 'last_hidden_state'

/** The features of one prompt: [1, tokens, width]. Throws whatever ONNX Runtime throws. */
type Run = (numbers: readonly number[]) => Promise<{ readonly shape: readonly number[]; readonly data: Float32Array }>

/**
 * Opens the folder and runs the encoder once, so that a wrong width or a tokenizer of another model is found before
 * anything else is done. Each prompt is run by itself: it takes no padding, and what it gives does not depend on others.
 */
export async function t5Encoder(folder: string, width: number, report: Report): Promise<TextEncoder | undefined> {
  const tokenizer = await openTokenizer(folder, report)
  const path = await firstOf(modelFiles.map((name) => join(folder, name)))
  if (path === undefined) report(encoderFileMissing({ files: modelFiles }), wholeFile(folder))
  if (tokenizer === undefined || path === undefined) return undefined

  const refuse = (problem: string) => report(encoderInvalid({ problem }), wholeFile(path))
  const runtime = await loadRuntime()
  const options = { graphOptimizationLevel: 'all', logSeverityLevel: 4, ...threadSettings() } as const
  const session = await runtime.InferenceSession.create(path, options).catch((cause: unknown) => {
    refuse(firstLine(cause))
  })
  if (!session) return undefined
  const problem = interfaceProblem(session)
  const run: Run = async (numbers) => {
    const shape = [1, numbers.length]
    const given = {
      [ids]: new runtime.Tensor('int64', BigInt64Array.from(numbers, BigInt), shape),
      [mask]: new runtime.Tensor('int64', new BigInt64Array(numbers.length).fill(1n), shape),
    }
    const feeds = Object.fromEntries(Object.entries(given).filter(([name]) => session.inputNames.includes(name)))
    const { [output]: found } = await session.run(feeds, [output])
    if (!(found?.data instanceof Float32Array)) throw new Error(`\`${output}\` is not float32`)
    return { shape: found.dims, data: found.data }
  }
  const found = problem ?? (await triedOut(run, [tokenizer.largest, ...tokenizer.numbersOf('')]))
  if (found !== width) {
    if (typeof found === 'string') refuse(found)
    else report(encoderWidth({ found, expected: width }), wholeFile(path))
    await session.release()
    return undefined
  }
  return encoderOfRows(
    width,
    async (prompt) => {
      const numbers = tokenizer.numbersOf(prompt)
      const { data } = await run(numbers).catch((cause: unknown) => {
        throw new EngineUnavailable(
          `the text encoder cannot run: ${firstLine(cause)}`,
          'free some memory, or use embeddings that were computed elsewhere (docs/text.md)',
        )
      })
      return { features: data, mask: new Float32Array(numbers.length).fill(1) }
    },
    report,
    () => session.release(),
  )
}

async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const there = await access(path).then(
      () => true,
      () => false,
    )
    if (there) return path
  }
  return undefined
}

/** What the model takes or gives otherwise than an encoder does. */
function interfaceProblem({ inputNames, inputMetadata, outputNames }: InferenceSession): string | undefined {
  const other = inputNames.find((name) => name !== ids && name !== mask)
  if (other !== undefined) return `it also takes \`${other}\``
  if (!inputNames.includes(ids)) return `it does not take \`${ids}\``
  if (!outputNames.includes(output)) return `it gives \`${outputNames.join('`, `')}\`, not \`${output}\``
  const narrow = inputMetadata.find((entry) => entry.isTensor && entry.type !== 'int64')
  return narrow && `\`${narrow.name}\` is not int64`
}

/** The width that a run gives, or what is wrong with it. */
async function triedOut(run: Run, numbers: readonly number[]): Promise<number | string> {
  try {
    const { shape } = await run(numbers)
    const [batch, tokens, width] = shape
    if (shape.length === 3 && batch === 1 && tokens === numbers.length && width !== undefined) return width
    return `\`${output}\` has the shape [${shape.join(', ')}] for ${numbers.length} tokens`
  } catch (cause) {
    return firstLine(cause)
  }
}
