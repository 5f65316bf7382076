/** Chooses the text encoder that a setting names. */
import { stat } from 'node:fs/promises'
import type { Condition } from '../../compiler/check/model.js'
import type { Report } from '../../compiler/diagnostics/diagnostic.js'
import { encoderMissing, encoderNotNamed, promptWithoutText } from '../../compiler/diagnostics/text.js'
import { systemProblem } from '../../files/problem.js'
import type { TextEncoder } from './encoder.js'
import { hashEncoder } from './hash.js'
import { precomputedEncoder } from './precomputed.js'

/**
 * Opens `hash`, the folder of a T5 encoder, or a safetensors file of embeddings, for a model of `width` features per
 * token. What is wrong with it is reported, and gives undefined; throws EngineUnavailable without ONNX Runtime.
 */
export async function openEncoder(setting: string, width: number, report: Report): Promise<TextEncoder | undefined> {
  if (setting === 'hash') return hashEncoder(width, report)
  const found = await kindOf(setting)
  if (found === 'file') return precomputedEncoder(setting, width, report)
  if (found !== 'folder') {
    report(encoderMissing({ setting, problem: found.problem }), undefined)
    return undefined
  }
  const { t5Encoder } = await import('./t5.js')
  return t5Encoder(setting, width, report)
}

/**
 * The encoder of a model's prompts: `setting`, or else what the model names. A model that takes no text, and one for
 * which no encoder is named, are reported and give undefined.
 */
export async function encoderOf(
  condition: Condition | undefined,
  setting: string | undefined,
  report: Report,
): Promise<TextEncoder | undefined> {
  const chosen = setting ?? (condition?.kind === 'text' ? condition.encoder : undefined)
  if (condition?.kind === 'text' && chosen !== undefined) return openEncoder(chosen, condition.width, report)
  report(
    condition?.kind === 'text' ? encoderNotNamed() : promptWithoutText({ kind: condition?.kind ?? 'none' }),
    undefined,
  )
  return undefined
}

async function kindOf(path: string): Promise<'file' | 'folder' | { readonly problem: string }> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    const problem = systemProblem(error)
    if (problem === undefined) throw error
    return { problem }
  }
}
