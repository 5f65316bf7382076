/** Embeddings that were computed before: a safetensors file with a row per prompt (docs/text.md). */
import type { Finding, Report } from '../../compiler/diagnostics/diagnostic.js'
import { embeddingsInvalid, encoderWidth, promptNotStored } from '../../compiler/diagnostics/text.js'
import { wholeFile } from '../weights/failure.js'
import { openWeights } from '../weights/open.js'
import type { WeightSource } from '../weights/source.js'
import { encoderOfRows, type TextEncoder } from './encoder.js'

/**
 * Opens a file with `text` [prompts, tokens, width], which may have `text_mask` [prompts, tokens] and, as metadata,
 * `prompts`: their texts as a JSON list. Without it, prompts are the numbers of rows. The file is read at once.
 * What is wrong with it is reported, and gives undefined.
 */
export async function precomputedEncoder(
  path: string,
  width: number,
  report: Report,
): Promise<TextEncoder | undefined> {
  const source = await openWeights(path, report)
  if (source === undefined) return undefined
  try {
    return await encoderOf(source, path, width, report)
  } finally {
    await source.close()
  }
}

async function encoderOf(
  source: WeightSource,
  path: string,
  width: number,
  report: Report,
): Promise<TextEncoder | undefined> {
  const refuse = (finding: Finding) => {
    report(finding, wholeFile(path))
    return undefined
  }
  const invalid = (problem: string) => refuse(embeddingsInvalid({ problem }))
  const shapeOf = (name: string) => source.entries.find((entry) => entry.name === name)?.shape
  const shape = shapeOf('text')
  if (shape === undefined) return invalid('the file has no tensor `text`')
  const [rows = 0, tokens = 0, found = 0] = shape
  if (shape.length !== 3 || rows === 0 || tokens === 0)
    return invalid(`\`text\` has the shape [${shape.join(', ')}], not [prompts, tokens, width]`)
  if (found !== width) return refuse(encoderWidth({ found, expected: width }))
  const maskShape = shapeOf('text_mask')
  if (maskShape !== undefined && (maskShape.length !== 2 || maskShape[0] !== rows || maskShape[1] !== tokens))
    return invalid(`\`text_mask\` has the shape [${maskShape.join(', ')}], not [${rows}, ${tokens}]`)
  const prompts = promptsOf(source, rows)
  if (prompts === undefined) return invalid(`\`prompts\` is no JSON list of ${rows} different texts`)

  const text = await source.read('text')
  const mask = maskShape ? await source.read('text_mask') : new Float32Array(rows * tokens).fill(1)
  if (!text.every(Number.isFinite)) return invalid('`text` has elements that are no numbers')
  if (!mask.every((value) => value === 0 || value === 1)) return invalid('`text_mask` has elements other than 0 and 1')
  const rowOf = new Map(prompts.map((prompt, row) => [prompt, row]))
  return encoderOfRows(
    width,
    (prompt) => {
      const row = rowOf.get(prompt)
      if (row === undefined) return refuse(promptNotStored({ prompt, stored: prompts }))
      const own = mask.slice(row * tokens, (row + 1) * tokens)
      const features = text.slice(row * tokens * width, (row + 1) * tokens * width)
      own.forEach((real, i) => {
        if (real === 0) features.fill(0, i * width, (i + 1) * width)
      })
      const length = own.lastIndexOf(1) + 1
      return { features: features.subarray(0, length * width), mask: own.subarray(0, length) }
    },
    report,
  )
}

/** The text of each row; undefined if the file does not say one for each. */
function promptsOf({ metadata }: WeightSource, rows: number): readonly string[] | undefined {
  const given = metadata.get('prompts')
  if (given === undefined) return Array.from({ length: rows }, (_, row) => String(row))
  const list = typeof given === 'string' ? parsed(given) : given
  const texts = Array.isArray(list) ? list.filter((item) => typeof item === 'string') : []
  const complete = Array.isArray(list) && list.length === rows && new Set(texts).size === rows
  return complete ? texts : undefined
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
